import { isJsonObject, type JsonObject, type JsonValue } from "../../json";
import type { DeadLetter } from "../../store/dead-letters";
import type { DurableStore } from "../../store/durable-store";
import type { Inbox } from "../inbox/inbox";
import type { LaneQueue } from "../queue/lane-queue";
import type { ApiAnswer } from "../outcome";
import type { PersonalData } from "./personal-data";
import type { ErasedCounts } from "./queue-desk";

/** While a customer is being erased, more of the same customer can move on or come: so often it is looked for again. */
const MOST_ROUNDS = 3;

/** Where customers are looked for. */
export interface ErasureOptions {
  readonly store: DurableStore;
  readonly inbox: Inbox;
  /** Every queue there is, whether its node is deployed or not. */
  readonly queues: () => AsyncIterable<LaneQueue<unknown>>;
}

/**
 * Takes one customer out of everything that is kept, and off the disk: records that wait (those of open calls too: the call
 * ends, and nobody hears of it), dead letters, unreadable webhooks, received messages, and what the data of others and the
 * messages that they came with say of the customer. Goes the way that records go, from the inbox to the dead letters.
 * @throws StoreUnavailableError when not all could be erased; the same call may be repeated
 */
export async function eraseCustomer(options: ErasureOptions, person: PersonalData): Promise<ErasedCounts> {
  const { store, inbox, queues } = options;
  const counts = { waiting: 0, failed: 0, received: 0, mentions: 0 };
  for (let round = 0, found = true; found && round < MOST_ROUNDS; round++) {
    const before = sum(counts);
    counts.received += await inbox.rewrite((message) => restOfMessage(message, person));
    for await (const queue of queues()) {
      counts.waiting += await queue.erase(person.id);
      counts.mentions += await queue.rewrite({
        envelope: (envelope) => withProperties(envelope, person),
        body: (body, keeper) => (isJsonObject(body) ? person.within(body, { hardIds: hardIdsIn(body), keeper }) : body),
      });
    }
    const letters = await store.deadLetters.rewrite((letter) => restOfLetter(letter, person));
    counts.failed += letters.removed;
    counts.mentions += letters.changed;
    found = sum(counts) > before;
  }
  await store.cursors.forget(person.id);
  await store.compact();
  return { ...counts, setAside: await store.setAside() };
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

/** Undefined when nothing is left that a node could work on. */
function restOfMessage(message: JsonObject, person: PersonalData): JsonObject | undefined {
  const rest = person.within(message, { hardIds: hardIdsIn(message) });
  const isEmptied = ["payload", "records", "events"].some(
    (part) => rest[part] !== message[part] && (rest[part] === undefined || isEmptyList(rest[part])),
  );
  return isEmptied ? undefined : rest;
}

function restOfLetter(letter: DeadLetter, person: PersonalData): DeadLetter | undefined {
  const { customer, body } = letter;
  if (customer === person.id) return undefined;
  const hardIds = hardIdsIn(body, letter.envelope);
  // What could not be read is kept as it came, and nobody's.
  if (customer === "" && (person.without(body, { hardIds }) === undefined || isUnreadable(body, person)))
    return undefined;
  const rest = {
    ...letter,
    body: isJsonObject(body) ? person.within(body, { hardIds, keeper: customer }) : body,
    envelope: person.within(letter.envelope, { hardIds }),
    ...(letter.answer && { answer: restOfAnswer(letter.answer, person, customer) }),
    reason: person.textWithout(letter.reason),
  };
  const isSame = (["body", "envelope", "answer", "reason"] as const).every((part) => rest[part] === letter[part]);
  return isSame ? letter : rest;
}

function restOfAnswer(answer: ApiAnswer, person: PersonalData, keeper: string): ApiAnswer {
  const { body } = answer;
  const rest = body === undefined ? undefined : person.without(body, { keeper });
  if (rest === body) return answer;
  const { statusCode } = answer;
  return { ...(statusCode !== undefined && { statusCode }), ...(rest !== undefined && { body: rest }) };
}

/** The properties of a message that somebody's records came with. */
function withProperties(envelope: JsonObject, person: PersonalData): JsonObject {
  if (!isJsonObject(envelope.properties)) return envelope;
  const properties = person.within(envelope.properties, { hardIds: hardIdsIn(envelope.properties) });
  return properties === envelope.properties ? envelope : { ...envelope, properties };
}

function isUnreadable(body: JsonValue, person: PersonalData): boolean {
  return typeof body === "string" && person.isIn(body);
}

function isEmptyList(value: JsonValue): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** What the Main Hard ID is called in these. */
function hardIdsIn(...holders: (JsonValue | undefined)[]): string[] {
  return holders.flatMap((holder) =>
    isJsonObject(holder) && typeof holder.hardId === "string" ? [holder.hardId] : [],
  );
}
