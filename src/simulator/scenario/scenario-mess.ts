import type { JsonObject } from "../../json";
import type { BloomreachProfile } from "./bloomreach-scenario";

/** What goes wrong in the data of real scenarios: values that Jinja leaves over, or a quote that nobody escaped. */
export type Mess = "none" | "leftovers" | "broken-quote";

const LEFTOVERS = ["", null, "undefined", "null"] as const;

/** The profiles with this mess in them: the same for the same profiles, and never in an ID. */
export function makeMess(profiles: readonly BloomreachProfile[], mess: Mess): readonly BloomreachProfile[] {
  if (mess === "none") return profiles;
  if (mess === "leftovers")
    return profiles.map((profile, index) => ({ ...profile, properties: withLeftovers(profile.properties, index) }));
  const unlucky = Math.floor(profiles.length / 2);
  return profiles.map((profile, index) =>
    index === unlucky ? { ...profile, properties: withBrokenQuote(profile.properties) } : profile,
  );
}

/** Every third value of every customer is one of the leftovers. */
function withLeftovers(properties: JsonObject, customer: number): JsonObject {
  return Object.fromEntries(
    Object.entries(properties).map(([name, value], place) => {
      const turn = customer + place;
      return [name, turn % 3 === 0 ? (LEFTOVERS[(turn / 3) % LEFTOVERS.length] ?? null) : value];
    }),
  );
}

function withBrokenQuote(properties: JsonObject): JsonObject {
  const texts = Object.entries(properties).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  const [name, text] = texts.find(([key]) => /name/i.test(key)) ?? texts[0] ?? [];
  return name === undefined ? properties : { ...properties, [name]: `${text} "Joe` };
}
