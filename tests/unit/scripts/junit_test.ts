import { assertEquals } from "../../support/assert.ts";
import { summarize } from "../../../scripts/support/junit.ts";

const REPORT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="6" failures="2" errors="0" time="0.041">
    <testsuite name="a_test.ts" tests="6" disabled="1" errors="0" failures="2">
        <testcase name="plain" classname="a_test.ts" time="0.000" line="1" col="6">
        </testcase>
        <testcase name="closed at once" classname="a_test.ts"/>
        <testcase name="&lt;odd&gt; &amp; &quot;quoted&quot; &#8594;" classname="a_test.ts">
            <failure message="Uncaught Error: x">Error: x, not &lt;skipped/&gt;</failure>
        </testcase>
        <testcase name="left out [skipped: because]" classname="a_test.ts">
            <skipped/>
        </testcase>
        <testcase name="steps" classname="a_test.ts">
            <failure message="1 test step failed">1 test step failed.</failure>
        </testcase>
        <testcase name="steps &gt; a" classname="a_test.ts">
        </testcase>
    </testsuite>
</testsuites>`;

Deno.test("a report is sorted into passed, failed and skipped, names as written", () => {
  assertEquals(summarize(REPORT), {
    passed: 3,
    failed: ['<odd> & "quoted" →', "steps"],
    skipped: ["left out [skipped: because]"],
  });
});

Deno.test("an empty report has nothing in it", () => {
  assertEquals(summarize("<testsuites></testsuites>"), { passed: 0, failed: [], skipped: [] });
});
