export {
  sendScenario,
  type BloomreachProfile,
  type Scenario,
  type ScenarioRequest,
  type ScenarioResult,
} from "./bloomreach-scenario";
export type { TrackedEvent } from "./custom-events";
export type { StoredCustomer } from "./customer-book";
export { renderEmail } from "./email";
export type { FaultFilter, FaultKind, Faults } from "./faults";
export { isSimulatorKey, makeSimulatorKeys, type SimulatorKeys } from "./keys";
export type { LoggedRequest } from "./request-log";
export { SAMPLE_METADATA_KEYS, sampleCustomers, sampleMembers } from "./sample-customers";
export { sampleEventData, type SampleSubject } from "./sample-events";
export type { Mess } from "./scenario-mess";
export { PLAN_HEADER, writePlan } from "./simulated-plan";
export { Simulator, type SimulatorOptions } from "./simulator";
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
} from "./voucherify-webhooks";
