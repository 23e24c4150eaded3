declare const madeByStore: unique symbol;

/**
 * Something that is to be written, made by a part of the store and handed to `DurableStore.write`, alone or together with
 * changes of other parts: what is written in one call is written whole or not at all. Only the store can make one and look
 * into it, and a store takes only its own.
 */
export interface Change {
  readonly [madeByStore]: true;
}
