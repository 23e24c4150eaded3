import { EVENT_KINDS, type EventKind } from "../../schemas/voucherify-event";

/** Kinds of events that have properties in common. */
const kindsOf = (...parts: readonly string[]): readonly EventKind[] =>
  EVENT_KINDS.filter((kind) => parts.some((part) => kind.startsWith(`customer.${part}`)));

export const REDEMPTIONS = kindsOf("redemption.");
export const ROLLBACKS = kindsOf("redemption.rollback.");
export const REWARD_REDEMPTIONS = kindsOf("reward_redemptions.");
export const PUBLICATIONS = kindsOf("publication.");
export const VALIDATIONS = kindsOf("validation.");
export const REWARDED: readonly EventKind[] = ["customer.rewarded"];
export const POINTS: readonly EventKind[] = ["customer.rewarded.loyalty_points"];
export const WITH_VOUCHER = EVENT_KINDS.filter((kind) => !VALIDATIONS.includes(kind));
export const WITH_ORDER = [...REDEMPTIONS, ...POINTS];
export const FAILED = EVENT_KINDS.filter((kind) => kind.endsWith(".failed"));
