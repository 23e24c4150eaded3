import { isJsonObject, type JsonObject, type JsonValue, shallow } from "../../json";

/** Stands in a text in place of an ID that was erased. */
const ERASED = "[erased]";
/** Keys whose value says whose an object is, whatever the Main Hard ID is called. */
const OWNER_KEYS = ["source_id", "sourceId", "main_hard_id", "registered"];
/** Objects whose values are all IDs of one customer. */
const ID_OBJECTS: ReadonlySet<string> = new Set(["customer_ids", "ids"]);
/** Keys that can name somebody, but not whose the object is. */
const MENTION_KEY = /^(tracking_id|customers?|source_?ids|(customer|user|profile|referrer|external|hard)_?ids?)$/i;

/** A letter, digit or underscore; with one of the others before or behind it, an ID is only a part of a longer one. */
const WORD = "[\\p{L}\\p{N}_]";
const BEGINNING = `(?<!${WORD}|${WORD}[.@+-])|(?<=%(?!40|2B|2D|2E)[0-9A-F]{2})|(?<=\\\\[bfnrt])`;
const END = `(?!${WORD}|[.@+-]${WORD}|%(?:40|2B|2D|2E))`;

/** What is known of a value in which a person is looked for. */
export interface WhoseValue {
  /** Names of the Main Hard ID. */
  readonly hardIds?: readonly string[];
  /** Whose value it is, when it is somebody else's: only what names the person is taken out. */
  readonly keeper?: string;
}

/**
 * Takes what is about one person out of JSON. An object is about the person when the ID stands where it says whose it is:
 * under the Main Hard ID, in `customer`, in `customer_ids`, deeper in the data of an event. It goes whole, with name, e-mail
 * and everything. In what is somebody else's only the values that name the person go. JSON kept as a text is looked into,
 * and its bytes stay as they are where nothing is found.
 *
 * An ID that could be an ordinary word or number ("1", "true", "anna") is looked for only where IDs stand; any other one in
 * all texts and keys too, there also escaped as in JSON or encoded as in a URL.
 */
export class PersonalData {
  private readonly inText: RegExp | undefined;
  private readonly inRaw: RegExp;

  /** @param id the customer's ID, without spaces around it */
  constructor(readonly id: string) {
    const forms = formsOf(id).map(escaped).join("|");
    this.inText = isTelling(id) ? new RegExp(`(?:${BEGINNING})(?:${forms})${END}`, "gu") : undefined;
    const keys = [...OWNER_KEYS, "tracking_id"].join("|");
    this.inRaw = new RegExp(`"(?:${keys})"\\s*:\\s*"?\\s*(?:${forms})\\s*(?:["},\\]\\s]|$)`, "u");
  }

  /** What is left of a value: the same one when nothing was found, undefined when all of it is about the person. */
  without(value: JsonValue, surroundings: WhoseValue = {}): JsonValue | undefined {
    // Release 0.1.0 kept webhooks that nest too deep to be searched: what no flow can be handed goes, it may name the person.
    return new Search(this.id, this.inText, surroundings).rest(shallow(value), "", {});
  }

  /** The same for an object that stays, whatever is taken out of it. */
  within<Value extends JsonObject>(object: Value, surroundings: WhoseValue = {}): Value {
    return new Search(this.id, this.inText, surroundings).within(shallow(object)) as Value;
  }

  /** A sentence without the ID, where that can hardly mean anything else. */
  textWithout(text: string): string {
    return this.inText ? text.replace(this.inText, ERASED) : text;
  }

  /** Whether a text that is no JSON, but should have been, names the person. */
  isIn(text: string): boolean {
    return this.inRaw.test(text) || (this.inText !== undefined && text.search(this.inText) >= 0);
  }
}

/** Where a value stands. */
interface Place {
  /** An ID stands here. */
  readonly isId?: boolean;
  /** In what is known to be somebody else's. */
  readonly isOwned?: boolean;
}

/** One search through one value. */
class Search {
  private readonly owned = new WeakMap<JsonObject, ReadonlySet<string>>();
  private readonly ownerKeys: ReadonlySet<string>;
  private readonly keeper: string | undefined;

  constructor(
    private readonly id: string,
    private readonly inText: RegExp | undefined,
    { hardIds = [], keeper }: WhoseValue,
  ) {
    this.ownerKeys = new Set([...OWNER_KEYS, ...hardIds]);
    this.keeper = keeper;
  }

  rest(value: JsonValue, key: string, place: Place): JsonValue | undefined {
    if (Array.isArray(value)) return this.restOfList(value, key, place);
    if (isJsonObject(value)) {
      const owners = this.ownersOf(value, key, place.isOwned !== true);
      if (this.isPerson(owners) || (owners.size === 0 && !place.isOwned && this.holdsId(value))) return undefined;
      return this.within(value, key, { isOwned: place.isOwned === true || owners.size > 0 });
    }
    if (place.isId && idsAmong([value]).includes(this.id)) return undefined;
    return typeof value === "string" ? this.restOfText(value, key, place) : value;
  }

  within(object: JsonObject, key = "", { isOwned = this.keeper !== undefined }: Place = {}): JsonObject {
    let isSame = true;
    const entries = Object.entries(object).flatMap(([name, value]): [string, JsonValue][] => {
      const isId = ID_OBJECTS.has(key) || MENTION_KEY.test(name) || this.isOwnerKey(name, object, key);
      const isNamed = this.inText !== undefined && name.search(this.inText) >= 0;
      const rest = isNamed ? undefined : this.rest(value, name, { isId, isOwned });
      isSame &&= rest === value;
      return rest === undefined ? [] : [[name, rest]];
    });
    return isSame ? object : Object.fromEntries(entries);
  }

  private restOfList(list: JsonValue[], key: string, place: Place): JsonValue[] {
    const rest = list.map((item) => this.rest(item, key, place));
    if (rest.every((item, index) => item === list[index])) return list;
    return rest.filter((item) => item !== undefined);
  }

  private restOfText(text: string, key: string, { isOwned = false }: Place): string | undefined {
    if (this.inText && text.trim() === this.id) return undefined;
    const json = parsed(text);
    if (json !== undefined) {
      const rest = this.rest(shallow(json), key, { isOwned });
      if (rest === json) return text;
      return rest === undefined ? undefined : JSON.stringify(rest);
    }
    return this.inText ? text.replace(this.inText, ERASED) : text;
  }

  private isPerson(owners: ReadonlySet<string>): boolean {
    return owners.has(this.id) && (this.keeper === undefined || !owners.has(this.keeper));
  }

  /** Whether an object that is nobody's has the ID among its values: it can hardly mean anything else. */
  private holdsId(object: JsonObject): boolean {
    return (
      this.inText !== undefined &&
      Object.values(object).some((value) => value === this.id || (isJsonObject(value) && this.holdsId(value)))
    );
  }

  /**
   * The IDs of those whose object it is, by the first thing that tells any.
   * @param isGuess whether anything in it may tell, because nothing around it does
   */
  private ownersOf(object: JsonObject, key: string, isGuess: boolean): ReadonlySet<string> {
    const known = isGuess ? this.owned.get(object) : undefined;
    if (known) return known;
    const owners = new Set<string>();
    for (const find of this.signs(object, key, isGuess)) {
      for (const owner of find()) owners.add(owner);
      if (owners.size > 0) break;
    }
    if (isGuess) this.owned.set(object, owners);
    return owners;
  }

  private signs(object: JsonObject, key: string, isGuess: boolean): (() => Iterable<string>)[] {
    const entries = Object.entries(object);
    const children = (isWanted: (name: string) => boolean): string[] =>
      entries.flatMap(([name, value]) =>
        isJsonObject(value) && isWanted(name) ? [...this.ownersOf(value, name, isGuess)] : [],
      );
    return [
      () => (ID_OBJECTS.has(key) ? idsAmong(Object.values(object)) : []),
      () => idsAmong(entries.flatMap(([name, value]) => (this.isOwnerKey(name, object, key) ? [value] : []))),
      () => children((name) => ID_OBJECTS.has(name)),
      () => idsAmong([object.customer]),
      () => children((name) => name === "customer"),
      () => idsAmong([object.tracking_id]),
      () => children((name) => name === "data"),
      () => (isGuess ? children(() => true) : []),
    ];
  }

  /** `source_id` is also what Voucherify calls the key of an order or of a publication. */
  private isOwnerKey(name: string, { object }: JsonObject, key: string): boolean {
    if (!this.ownerKeys.has(name)) return false;
    const isOther = (typeof object === "string" && object !== "customer") || /^orders?$/.test(key);
    return name !== "source_id" || !isOther;
  }
}

function idsAmong(values: readonly (JsonValue | undefined)[]): string[] {
  return values.flatMap((value) => {
    const id = typeof value === "string" || typeof value === "number" ? String(value).trim() : "";
    return id === "" ? [] : [id];
  });
}

/** The object or list that a text is the JSON of. */
function parsed(text: string): JsonValue | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

/** Whether a text that is the ID, or holds it, can hardly mean anything else. */
function isTelling(id: string): boolean {
  return /^\d+$/.test(id) ? id.length >= 9 : id.length >= 6 && /\P{L}/u.test(id);
}

/** An ID as it can stand in a text: as it is, in JSON (also in JSON within JSON), in a URL. Longest first. */
function formsOf(id: string): string[] {
  const inJson = JSON.stringify(id).slice(1, -1);
  const inAscii = inJson.replace(/[\u007f-\uffff]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const inUrl = encodeURIComponent(id.replace(/\p{Surrogate}/gu, "\ufffd"));
  const forms = [id, inJson, inAscii, JSON.stringify(inJson).slice(1, -1), inUrl, inUrl.replace(/%20/g, "+")];
  const lower = inUrl.replace(/%[0-9A-F]{2}/g, (one) => one.toLowerCase());
  return [...new Set([...forms, lower])].sort((one, other) => other.length - one.length);
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}
