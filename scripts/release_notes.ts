/** The notes of a release: what CHANGELOG.md says of its version. Pure. */

const HEADING = /^## \[([^\]]+)\]/;

/**
 * The text below the heading of `version`; below that of what is not released yet, if the version
 * has no heading of its own. Throws where there is neither or it is empty.
 */
export function releaseNotes(changelog: string, version: string): string {
  const sections = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of changelog.split("\n")) {
    const name = HEADING.exec(line)?.[1];
    if (name !== undefined) sections.set(name, current = []);
    else if (!/^\[[^\]]+\]: /.test(line)) current.push(line);
  }
  const notes = (sections.get(version) ?? sections.get("Unreleased") ?? []).join("\n").trim();
  if (notes === "") throw new Error(`Cannot find notes for ${version} in CHANGELOG.md`);
  return `# remote-docker-agent ${version}\n\n${notes}\n`;
}
