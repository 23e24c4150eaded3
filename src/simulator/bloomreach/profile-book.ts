import { isJsonObject, type JsonObject, type JsonValue } from "../../json";

/** An event of a profile; the time is Unix seconds. */
export interface ProfileEvent {
  readonly type: string;
  readonly timestamp: number;
  readonly properties: JsonObject;
}

/** A customer in the simulated Bloomreach project. */
export interface Profile {
  readonly ids: Record<string, string>;
  readonly properties: JsonObject;
  readonly events: ProfileEvent[];
}

interface KeptProfile extends Profile {
  /** When each property was set, Unix seconds. */
  readonly times: Map<string, number>;
  readonly seen: Set<string>;
}

/**
 * The customers of the simulated Bloomreach project. An ID that is unknown creates a customer; several IDs in one command tie
 * them to one (documentation.bloomreach.com/engagement/docs/customer-identification). An exact repetition of an event is
 * removed, and of two updates of a property the one with the newer time stays
 * (documentation.bloomreach.com/engagement/docs/imports-technical-reference).
 */
export class ProfileBook {
  readonly profiles = new Set<Profile>();
  /** Events that came again and were removed. */
  duplicates = 0;
  private readonly byId = new Map<string, KeptProfile>();

  /** The profile with these IDs, made when there is none; undefined for no ID that counts. */
  profileFor(given: JsonValue | undefined): KeptProfile | undefined {
    const ids = isJsonObject(given) ? usable(given) : [];
    if (ids.length === 0) return undefined;
    const known = ids.flatMap((id) => this.byId.get(keyOf(id)) ?? [])[0];
    const profile: KeptProfile = known ?? { ids: {}, properties: {}, events: [], times: new Map(), seen: new Set() };
    this.profiles.add(profile);
    for (const [name, value] of ids) {
      // Another profile keeps an ID that it has: two with different values of one hard ID never merge.
      if (this.byId.has(keyOf([name, value])) || profile.ids[name] !== undefined) continue;
      profile.ids[name] = value;
      this.byId.set(keyOf([name, value]), profile);
    }
    return profile;
  }

  find(name: string, value: string): Profile | undefined {
    return this.byId.get(keyOf([name, value]));
  }

  update(profile: Profile, properties: JsonObject, at: number): void {
    const { times } = profile as KeptProfile;
    for (const [name, value] of Object.entries(properties)) {
      if ((times.get(name) ?? -Infinity) > at) continue;
      times.set(name, at);
      profile.properties[name] = value;
    }
  }

  track(profile: Profile, event: ProfileEvent): void {
    const { seen } = profile as KeptProfile;
    const identity = JSON.stringify([event.type, event.timestamp, Object.entries(event.properties).sort()]);
    if (seen.has(identity)) this.duplicates++;
    else profile.events.push(event);
    seen.add(identity);
  }

  clear(): void {
    this.profiles.clear();
    this.byId.clear();
    this.duplicates = 0;
  }
}

function keyOf([name, value]: readonly [string, string]): string {
  return JSON.stringify([name, value]);
}

/** Trimmed; an ID needs a letter or digit and is not the text null or undefined (support.bloomreach.com, article 19231102135453). */
function usable(ids: JsonObject): [string, string][] {
  return Object.entries(ids).flatMap(([name, value]) => {
    const id = typeof value === "string" || typeof value === "number" ? String(value).trim() : "";
    return /[\p{L}\p{N}]/u.test(id) && id !== "null" && id !== "undefined" ? [[name, id]] : [];
  });
}
