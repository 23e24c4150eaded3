import type { JsonObject } from "../../json";
import type { Change } from "../change";
import type { AboutEntry, InboxEntry, InboxStore, Take } from "../inbox-store";
import { type IncomingRecord, markOf, type MarkTranslation, type Rename } from "../take-mark";
import { asChanges, operationsOf } from "./changes";
import type { KeyValueEngine, KeyValueOperation } from "./engine";
import { inboxKeys } from "./inbox-keys";
import { keyPages, readable, readAll, readPages } from "./pages";
import { type KeptMarks, TakeMarks, untaken } from "./take-marks";

/** So many messages are read at one go: one can have megabytes. */
const MESSAGE_PAGE = 20;

/** What nodes have taken, or are about to take, of one entry. */
interface EntryMarks {
  readonly nodes: Map<string, TakeMarks>;
  /** What has become of its records since messages of it were handed to the flow. */
  readonly renames: Rename[];
}

/**
 * Entries, messages and marks under the keys of `inboxKeys`. The only process of the engine knows all marks in memory, and
 * what is about to be taken with them.
 */
export class KeyValueInbox implements InboxStore {
  /** Of entries of which something was taken, or whose message is another one now. */
  private readonly marks = new Map<string, EntryMarks>();

  constructor(private readonly engine: KeyValueEngine) {}

  async open(): Promise<readonly { readonly entry: AboutEntry; readonly isTaken: boolean }[]> {
    const entries = new Map<string, AboutEntry>();
    for await (const [key, value] of readAll(this.engine, inboxKeys.entries)) {
      const receipt = inboxKeys.receiptOf(key);
      entries.set(receipt, { ...(value as unknown as Omit<AboutEntry, "receipt">), receipt });
    }
    await this.tellMissing(new Set(entries.keys()));
    this.marks.clear();
    const orphans: KeyValueOperation[] = [];
    for await (const [key, joined] of readAll(this.engine, inboxKeys.marks)) {
      const { receipt, node, number } = inboxKeys.readMark(key);
      if (entries.has(receipt)) marksOf(this.marksOf(receipt), node).add(joined as KeptMarks | string, number);
      else orphans.push({ type: "del", key });
    }
    if (orphans.length > 0) await this.engine.write(orphans);
    return [...entries.values()].map((entry) => ({ entry, isTaken: this.marks.has(entry.receipt) }));
  }

  adding({ receipt, message, ...about }: InboxEntry): readonly Change[] {
    return asChanges([
      { type: "put", key: inboxKeys.entry(receipt), value: about },
      { type: "put", key: inboxKeys.message(receipt), value: message },
    ]);
  }

  // Not async: what is taken is held at the call.
  take(receipts: readonly string[], node: string, records: readonly IncomingRecord[]): Promise<Take> {
    const all = receipts.map((receipt) => ({ receipt, entry: this.marksOf(receipt) }));
    const marks = all.map(({ entry }) => marksOf(entry, node));
    const renames = all.flatMap(({ entry }) => entry.renames);
    const asked =
      marks.length === 0 ? [] : records.map((record) => renames.reduce((mark, to) => to(mark), markOf(record)));
    const fresh = untaken(records, asked, marks);
    const joined = marks.length === 0 ? "" : fresh.map((place) => asked[place]!).join("");
    const held = joined === "" ? [] : marks.map((taken) => ({ taken, number: taken.hold(joined) }));
    const operations = held.map(({ number }, place): KeyValueOperation => {
      const { receipt } = all[place]!;
      return { type: "put", key: inboxKeys.mark({ receipt, node, number }), value: { marks: joined } };
    });
    return Promise.resolve({
      fresh,
      changes: asChanges(operations),
      done: () => {
        for (const { taken } of held) taken.written++;
        // Of an entry that was forgotten during the write, the marks have to be forgotten as well.
        if (held.length > 0) for (const { receipt, entry } of all) this.marks.set(receipt, entry);
      },
      release: () => {
        for (const { taken, number } of held) taken.release(number);
      },
    });
  }

  async message(receipt: string): Promise<JsonObject | undefined> {
    const [message] = await this.engine.get([inboxKeys.message(receipt)]);
    return message as JsonObject | undefined;
  }

  async *messages(): AsyncGenerator<readonly { readonly receipt: string; readonly message: JsonObject }[]> {
    for await (const page of readPages(this.engine, inboxKeys.messages, MESSAGE_PAGE))
      yield readable(page).map(([key, message]) => ({
        receipt: inboxKeys.receiptOfMessage(key),
        message: message as JsonObject,
      }));
  }

  async rewrite(receipt: string, message: JsonObject, { kept, coming }: MarkTranslation): Promise<void> {
    const entry = this.marksOf(receipt);
    const before = [...entry.nodes].map(([node, marks]) => ({ node, marks, copy: marks.copy() }));
    const operations = before.flatMap(({ node, marks }) =>
      marks.rename(kept).map(({ number, kept: value }): KeyValueOperation => {
        return { type: "put", key: inboxKeys.mark({ receipt, node, number }), value };
      }),
    );
    entry.renames.push(coming);
    try {
      await this.engine.write([{ type: "put", key: inboxKeys.message(receipt), value: message }, ...operations]);
    } catch (error) {
      entry.renames.splice(entry.renames.indexOf(coming), 1);
      for (const { marks, copy } of before) marks.restore(copy);
      throw error;
    }
  }

  async forget(receipts: readonly string[], also: readonly Change[] = []): Promise<void> {
    await this.engine.write([...operationsOf(also), ...receipts.flatMap((receipt) => this.deletionOf(receipt))]);
    for (const receipt of receipts) this.marks.delete(receipt);
  }

  async find(requestId: string): Promise<(AboutEntry & { readonly takenBy: readonly string[] }) | undefined> {
    for await (const [key, value] of readAll(this.engine, inboxKeys.entries)) {
      const about = value as unknown as Omit<AboutEntry, "receipt">;
      if (about.requestId !== requestId) continue;
      const receipt = inboxKeys.receiptOf(key);
      const nodes = [...(this.marks.get(receipt)?.nodes ?? [])];
      return { ...about, receipt, takenBy: nodes.flatMap(([node, { written }]) => (written > 0 ? [node] : [])) };
    }
    return undefined;
  }

  /** Tells of what came in and has lost either half: what is known of it, or its message. @param bare all receipts */
  private async tellMissing(bare: Set<string>): Promise<void> {
    let unknown = 0;
    for await (const page of keyPages(this.engine, inboxKeys.messages))
      for (const key of page) if (!bare.delete(inboxKeys.receiptOfMessage(key))) unknown++;
    for (const [count, what] of [
      [bare.size, "are empty, because the disk has lost what came with them"],
      [unknown, "cannot be handed to the flow, because the disk has lost which node they came to"],
    ] as const)
      if (count > 0)
        this.engine.tellLoss(
          `${count} of the webhooks and messages that were kept for the flow ${what}. Check the disk, and send them again if you can.`,
        );
  }

  private marksOf(receipt: string): EntryMarks {
    const entry = this.marks.get(receipt) ?? { nodes: new Map<string, TakeMarks>(), renames: [] };
    this.marks.set(receipt, entry);
    return entry;
  }

  private deletionOf(receipt: string): KeyValueOperation[] {
    const keys = [inboxKeys.entry(receipt), inboxKeys.message(receipt)];
    for (const [node, { next }] of this.marks.get(receipt)?.nodes ?? [])
      for (let number = 0; number < next; number++) keys.push(inboxKeys.mark({ receipt, node, number }));
    return keys.map((key) => ({ type: "del", key }));
  }
}

function marksOf({ nodes }: EntryMarks, node: string): TakeMarks {
  const marks = nodes.get(node) ?? new TakeMarks();
  nodes.set(node, marks);
  return marks;
}
