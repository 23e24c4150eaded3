export {
  sendScenario,
  type BloomreachProfile,
  type Scenario,
  type ScenarioRequest,
  type ScenarioResult,
} from "./scenario/bloomreach-scenario";
export type { TrackedEvent } from "./voucherify/customers/custom-events";
export type { StoredCustomer } from "./voucherify/customers/customer-book";
export { renderEmail } from "./scenario/email";
export { type EventWay, recordSample, wayOf } from "./scenario/event-ways";
export { profilesOf, sourceIdIn } from "./scenario/profiles";
export type { FaultFilter, FaultKind, Faults } from "./faults";
export { isSimulatorKey, makeSimulatorKeys, type SimulatorKeys } from "./keys";
export type { LoggedRequest } from "./request-log";
export { SAMPLE_METADATA_KEYS, sampleCustomers, sampleMembers } from "./scenario/sample-customers";
export { sampleEventData, type SampleSubject } from "./scenario/sample-events";
export type { Mess } from "./scenario/scenario-mess";
export { PLAN_HEADER, writePlan } from "./voucherify/simulated-plan";
export { Simulator, type SimulatorOptions } from "./simulated-apis";
export {
  formsOf,
  sampleWebhook,
  sendWebhook,
  signatureOf,
  WEBHOOK_RETRIES_MS,
  type WebhookForm,
  type WebhookOverrides,
  type WebhookSending,
  type WebhookSent,
} from "./scenario/voucherify-webhooks";
