// npm run bench: measures, prints tables, warns of every target that is missed by a tenth, and fails where it is a quarter or a
// rule of the queue does not hold. `npm run bench -- codes` measures only the jobs with this word in their name.
import { measureBacklogs } from "./backlog";
import { compareJobs } from "./jobs";

async function main(only: string | undefined): Promise<void> {
  const misses = await compareJobs(only);
  const problems = only === undefined ? await measureBacklogs() : [];
  for (const { sentence, isBroken } of misses) console.error(`${isBroken ? "Failed" : "Warning"}: ${sentence}`);
  for (const problem of problems) console.error(problem);
  if (problems.length > 0 || misses.some(({ isBroken }) => isBroken)) process.exitCode = 1;
}

void main(process.argv[2]);
