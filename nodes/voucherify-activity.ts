import type { Node, NodeAPI, NodeDef } from "node-red";
import { StoreUnavailableError } from "../src/store/durable-store";
import { customersNamedIn } from "../src/destinations/work/named-customers";
import { isJsonObject } from "../src/json";
import type { VoucherifyEvent } from "../src/schemas/voucherify-event";
import { ActivityReader } from "../src/voucherify/activity";
import { chosenKinds, identityOf, isWanted } from "../src/voucherify/event-choice";
import { onClose } from "./lib/delivery/delivery-life";
import { durableDelivery, prepareDelivery } from "./lib/delivery/durable-delivery";
import { emitEvents, receivedEvents, type ReceivedEvents, SEEN_FOR_MS } from "./lib/delivery/event-source";
import { type Message, MessageError, onEachMessage, refuseMessages } from "./lib/runtime/message-handler";
import { Reception } from "./lib/delivery/reception";
import { refusalOfSimulated } from "./lib/delivery/simulated-origin";
import { registerNode } from "./lib/runtime/register-node";
import { clock, NodeStatus } from "./lib/runtime/status";
import type { VoucherifyAccount } from "./lib/accounts/voucherify-connection";

const TYPE = "bv-voucherify-activity";
/** No webhook waits for what is read: it has time until the store is open, when Node-RED has just started. */
const STORE_PATIENCE_MS = 5_000;
/** A customer that is read for the first time brings no more than this. */
const DAY_MS = 86_400_000;

interface VoucherifyActivityDef extends NodeDef {
  account: string;
  kinds: unknown;
  days: number | string;
  dropEchoes: boolean;
}

/** Reads what customers did and got in Voucherify since the last time, and sends each event once. */
export = (RED: NodeAPI): void => {
  prepareDelivery(RED);

  function VoucherifyActivity(this: Node, def: VoucherifyActivityDef): void {
    RED.nodes.createNode(this, def);
    const account = RED.nodes.getNode(def.account) as VoucherifyAccount | null;
    const status = new NodeStatus(RED, this, "voucherify-activity");
    if (!account)
      return refuseMessages(
        this,
        status,
        "no-account",
        "Choose a voucherify account in this voucherify activity node, then deploy.",
      );

    const delivery = durableDelivery(RED);
    const reader = new ActivityReader(account.connection.api);
    const choice = {
      kinds: chosenKinds(def.kinds),
      echoesOf: def.dropEchoes === false ? undefined : account.connection.applicationId,
    };
    const days = Number(def.days) || 1;
    const reception = new Reception<ReceivedEvents>(RED, this, {
      emit: emitEvents,
      isSimulated: account.connection.isSimulated,
      repeatedWithinMs: SEEN_FOR_MS,
      showProblem: () => status.show("problem", "store"),
      showUsual: () => status.clear(),
    });
    const closing = new AbortController();
    /** Two readings of one customer at one time would read the same twice. */
    const reading = new Map<string, Promise<void>>();

    onEachMessage(this, async (message) => {
      const refusal = refusalOfSimulated(message, account.connection);
      if (refusal) {
        status.show("problem", "simulated", { time: clock(Date.now()) });
        throw new MessageError(refusal.reason, { key: refusal.key, simulated: true });
      }
      const customers = customersNamedIn(message, account.hardId);
      if (!customers.ok) throw new MessageError(customers.reason);
      let events = 0;
      try {
        await delivery.usable(STORE_PATIENCE_MS);
        for (const customer of customers.sourceIds) {
          const before = reading.get(customer) ?? Promise.resolve();
          const mine = before
            .catch(() => undefined)
            .then(async () => void (events += await readAll(customer, message)));
          reading.set(customer, mine);
          await mine.finally(() => reading.get(customer) === mine && reading.delete(customer));
        }
      } catch (error) {
        if (error instanceof StoreUnavailableError) status.show("problem", "store");
        throw error;
      }
      status.show("ok", "read", { count: events, time: clock(Date.now()) });
    });

    /** Returns how many events were new. */
    const readAll = async (customer: string, message: Message): Promise<number> => {
      for (let count = 0; ;) {
        status.show("working", "reading");
        const cursor = await delivery.cursors.read(this.id, customer);
        const since = new Date(Date.now() - days * DAY_MS).toISOString();
        const found = await reader.read(customer, {
          ...(cursor === undefined ? { since } : { cursor }),
          signal: closing.signal,
        });
        if (!found.ok) {
          status.show("problem", "failed", { time: clock(Date.now()) });
          throw new MessageError(found.message, { statusCode: found.statusCode, response: found.body });
        }
        count += await keepRead(
          customer,
          found.events.filter((event) => isWanted(event, choice)),
          found.cursor,
          message,
        );
        if (!found.hasMore) return count;
      }
    };

    /** Writes down events, that they were seen, and how far the customer was read, all or nothing. */
    const keepRead = async (
      customer: string,
      events: readonly VoucherifyEvent[],
      cursor: string | undefined,
      { webhook }: Message,
    ): Promise<number> => {
      const seen = await reception.firstOf(events, (event) => identityOf(event, def.account));
      try {
        const moved = cursor === undefined ? [] : [delivery.cursors.moveTo(this.id, customer, cursor)];
        const also = [...seen.changes, ...moved];
        const received = receivedEvents(seen.fresh, isJsonObject(webhook) ? { webhook } : {});
        if (seen.fresh.length > 0) reception.emitAfterAnswer(received, await reception.keep(received, undefined, also));
        else if (also.length > 0) await delivery.write(also);
        seen.done();
        return seen.fresh.length;
      } catch (error) {
        seen.release();
        throw error;
      }
    };

    onClose(this, () => {
      closing.abort();
      reception.close();
    });
  }
  registerNode(RED, TYPE, VoucherifyActivity);
};
