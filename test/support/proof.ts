import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { name, version } from "../../package.json";

const folder = resolve(__dirname, "../../docs/proof");

/** The log of a proof: what was run, with which seed, and what came of it. The last whole run of each is kept in docs/proof. */
export class Proof {
  private readonly lines: string[] = [];

  /** @param title names the file as well: "soak" is kept as docs/proof/soak.log */
  constructor(private readonly title: string) {
    const versions = `Node.js ${process.version}, ${process.platform} ${process.arch}`;
    this.lines.push(`${title}: ${name} ${version}, ${versions}, ${new Date().toISOString().slice(0, 16)}Z`);
  }

  /** Prints a line as it goes; `isKept` when it belongs to the result. */
  say(line: string, isKept = true): void {
    console.log(`      ${line}`);
    if (isKept) this.lines.push(line);
  }

  /** Keeps the log in docs/proof. */
  keep(result: string): void {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${this.title}.log`), [...this.lines, `Result: ${result}`, ""].join("\n"));
  }
}
