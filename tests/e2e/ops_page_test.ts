/** The status page in a real browser: it fills itself, stays within its policy and fits a phone. */
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { Browser, chromiumPath } from "../support/chromium.ts";
import { endToEnd, SKIPPED_BECAUSE } from "../support/e2e.ts";
import { opsPort } from "../support/ops.ts";
import { until } from "../support/poll.ts";

const test = await endToEnd();
const chromium = chromiumPath();
const ops = opsPort();
const NAME = "the status page shows live figures, in both colours and on a phone";
/** Where to keep pictures of the page, for people. */
const PICTURES = Deno.env.get("RDA_PICTURES");

if (chromium === undefined) {
  Deno.test.ignore(`${NAME}${SKIPPED_BECAUSE}no Chromium is installed]`, () => {});
} else {
  test(NAME, { agentOnly: true, flags: ops.flags }, async ({ docker, agent }) => {
    await using browser = await Browser.open(chromium, `${ops.url}/`, { width: 1280, height: 900 });
    const text = (id: string) => browser.evaluate(`document.getElementById("${id}").textContent`);
    await until("the page is filled", async () => await text("status") === "healthy");
    assertMatch(String(await text("hosts")), /ssh:\/\/.*up/);

    await using _events = docker.spawn(["events"]);
    await agent.waitForLog(/\/events/);
    for (let i = 0; i < 5; i++) await docker.ok(["ps"]);
    await until("it has seen the requests", async () => {
      return /ContainerList\s*5/.test(String(await text("operations")));
    });
    await until("it draws a line of several samples", async () => {
      const points = `[...document.querySelectorAll("svg path")].map((path) =>
        path.getAttribute("d").split("L").length)`;
      return Number(await browser.evaluate(`Math.max(0, ...${points})`)) >= 4;
    });
    await until("it shows the one that is open", async () => await text("active") === "1");
    await picture(browser, "light");

    const ground = () => browser.evaluate("getComputedStyle(document.body).backgroundColor");
    const light = await ground();
    await browser.look({ width: 1280, height: 900, dark: true });
    assert(await ground() !== light, "dark is not light");
    await picture(browser, "dark");

    await browser.look({ width: 390, height: 844, mobile: true });
    assertEquals(await browser.evaluate("document.documentElement.scrollWidth"), 390);
    await picture(browser, "phone");
    assertEquals(browser.complaints, [], "the policy holds and nothing is missing");

    agent.kill("SIGTERM");
    await until("it says that nobody answers", async () => await text("status") === "no answer");
  });
}

async function picture(browser: Browser, name: string): Promise<void> {
  const png = await browser.screenshot();
  assert(png.length > 10_000, "an empty picture");
  if (PICTURES !== undefined) await Deno.writeFile(`${PICTURES}/status-${name}.png`, png);
}
