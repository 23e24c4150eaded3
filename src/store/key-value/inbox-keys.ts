import type { KeyRange } from "./engine";
import { padded } from "./pages";

interface MarkKey {
  readonly receipt: string;
  readonly node: string;
  readonly number: number;
}

/**
 * The keys of the inbox in the durable store. A message stands apart from what is known about it, so that a start does not
 * read the messages.
 */
export const inboxKeys = {
  entries: rangeOf("inbox"),
  messages: rangeOf("inbox-message"),
  marks: rangeOf("taken"),

  entry: (receipt: string): string => `inbox/${receipt}`,

  receiptOf: (entryKey: string): string => entryKey.slice("inbox/".length),

  message: (receipt: string): string => `inbox-message/${receipt}`,

  receiptOfMessage: (messageKey: string): string => messageKey.slice("inbox-message/".length),

  mark: ({ receipt, node, number }: MarkKey): string =>
    `taken/${receipt}/${encodeURIComponent(node)}/${padded(number)}`,

  readMark(key: string): MarkKey {
    const [, receipt = "", node = "", number] = key.split("/");
    return { receipt, node: decodeURIComponent(node), number: Number(number) };
  },
};

function rangeOf(prefix: string): KeyRange {
  // "0" stands right behind "/".
  return { gte: `${prefix}/`, lt: `${prefix}0` };
}
