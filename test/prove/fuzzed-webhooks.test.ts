process.env.FUZZED_BODIES ??= "20000";
// eslint-disable-next-line @typescript-eslint/no-require-imports -- the number has to be set before the suite is read
require("../nodes/fuzzed-webhooks.test");
