import { padded } from "./pages";

const PREFIX = "lane/";
/** Behind every character that a key can go on with after a "/". */
const END = "0";

interface KeyRange {
  readonly gte: string;
  readonly lt: string;
}

/** The keys of one lane in the durable store; the table is in docs/durable-store.md. */
export class LaneKeys {
  private readonly prefix: string;

  /** Finds every queue that says whose it is. */
  static readonly allSummaries: KeyRange = { gte: "lanes/", lt: `lanes${END}` };
  /** What lies in all queues. */
  static readonly allContents: KeyRange = { gte: PREFIX, lt: `lane${END}` };

  constructor(private readonly node: string) {
    this.prefix = `${PREFIX}${encodeURIComponent(node)}/`;
  }

  static nodeOfSummary(key: string): string {
    return decodeURIComponent(key.slice(LaneKeys.allSummaries.gte.length));
  }

  /** The node that a key of its lane belongs to. */
  static nodeOfContent(key: string): string {
    return decodeURIComponent(key.slice(PREFIX.length, key.indexOf("/", PREFIX.length)));
  }

  static idOf(recordKey: string): number {
    return Number(recordKey.slice(-16));
  }

  /** Stands apart from the records, so that the queues can be listed without reading over their records. */
  get summary(): string {
    return `${LaneKeys.allSummaries.gte}${encodeURIComponent(this.node)}`;
  }

  get all(): KeyRange {
    return { gte: this.prefix, lt: `${this.prefix.slice(0, -1)}${END}` };
  }

  get records(): KeyRange {
    return this.range("record");
  }

  get messages(): KeyRange {
    return this.range("message");
  }

  get allTried(): KeyRange {
    return this.range("tried");
  }

  recordsAfter(id: number): KeyRange {
    return { gte: this.record(id + 1), lt: this.records.lt };
  }

  record(id: number): string {
    return `${this.prefix}record/${padded(id)}`;
  }

  message(id: string): string {
    return `${this.prefix}message/${id}`;
  }

  tried(firstId: number): string {
    return `${this.prefix}tried/${padded(firstId)}`;
  }

  private range(kind: string): KeyRange {
    return { gte: `${this.prefix}${kind}/`, lt: `${this.prefix}${kind}${END}` };
  }
}
