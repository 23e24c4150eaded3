process.env.FUZZED_ANSWERS ??= "5000";
process.env.FUZZED_MESSAGES ??= "200";
// eslint-disable-next-line @typescript-eslint/no-require-imports -- the numbers have to be set before the suites are read
for (const suite of ["unit", "nodes"]) require(`../${suite}/fuzzed-answers.test`);
