import type { HttpAnswer } from "../http/http-client";
import { SharedAnswers } from "../async/shared-answers";
import { checkMetadataSchema, type CustomerMetadataSchema, type MetadataProperty } from "../schemas/voucherify";
import { explainAnswer } from "./errors";

const TTL_MS = 10 * 60_000;
/** An undefined key may have been defined a moment ago, but it must not cost a request per customer. */
const MOST_OFTEN_MS = 60_000;

/** Voucherify did not give the schema; `answer` says why. */
export class MetadataSchemaError extends Error {
  override readonly name = "MetadataSchemaError";

  constructor(
    message: string,
    readonly answer: HttpAnswer,
  ) {
    super(message);
  }
}

/**
 * The metadata that a project has defined for customers or another resource (docs.voucherify.io/prepare/metadata), read when it is needed and
 * kept for ten minutes. Callers at the same time share one reading.
 */
export class MetadataSchemas {
  private readonly answers = new SharedAnswers<CustomerMetadataSchema>();

  /**
   * @param read reads one schema by resource or by the name of a nested one
   * @param resource what has the metadata: `customer`, `publication`
   */
  constructor(
    private readonly read: (resource: string, signal?: AbortSignal) => Promise<HttpAnswer>,
    private readonly resource = "customer",
  ) {}

  /**
   * What is defined now, at most ten minutes old. A project without a schema has nothing defined.
   * @throws MetadataSchemaError when Voucherify refuses to tell; `TransportError` when it does not answer
   */
  current(signal?: AbortSignal): Promise<CustomerMetadataSchema> {
    return this.ask(TTL_MS, signal);
  }

  /** Reads again, unless that was done within the last minute. Returns and throws like `current`. */
  reload(signal?: AbortSignal): Promise<CustomerMetadataSchema> {
    return this.ask(MOST_OFTEN_MS, signal);
  }

  private ask(keepMs: number, signal = new AbortController().signal): Promise<CustomerMetadataSchema> {
    return this.answers.get(this.resource, { keepMs, urgent: false, signal }, () => this.readAll(signal));
  }

  private async readAll(signal?: AbortSignal): Promise<CustomerMetadataSchema> {
    const properties = await this.readOne(this.resource, signal);
    const names = Object.values(properties).flatMap(({ type, objectType }) =>
      type === "object" && objectType ? [objectType] : [],
    );
    const nested: CustomerMetadataSchema["nested"] = {};
    for (const name of new Set(names)) nested[name] = await this.readOne(name, signal);
    return { properties, nested };
  }

  /** A removed definition is still listed: it counts as undefined. */
  private async readOne(resource: string, signal?: AbortSignal): Promise<Record<string, MetadataProperty>> {
    const answer = await this.read(resource, signal);
    if (answer.status === 404) return {};
    if (answer.status !== 200) throw new MetadataSchemaError(explainAnswer(answer).message, answer);
    const checked = checkMetadataSchema(answer.json);
    if (!checked.ok)
      throw new MetadataSchemaError(
        `Voucherify's metadata schema "${resource}" cannot be read: ${checked.sentence}`,
        answer,
      );
    return Object.fromEntries(Object.entries(checked.value.properties).filter(([, { deleted }]) => !deleted));
  }
}
