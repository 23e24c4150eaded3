import type { BloomreachProfile } from "./bloomreach-scenario";

/** Metadata of the sample's Customer template; the simulated project has defined all but `favorite_color`. */
export const SAMPLE_METADATA_KEYS: readonly string[] = [
  "segment",
  "loyalty_points",
  "newsletter",
  "member_since",
  "acquisition_channel",
  "favorite_color",
];

/**
 * A realistic batch: a customer who is all right, one with a wrongly typed value (`loyalty_points`) and an
 * undefined metadata key (`favorite_color`), one who never registered and so lacks the hard ID, and others who are all right.
 *
 * @param hardId name of the hard ID, "registered" in a fresh Bloomreach project
 * @param count how many
 */
export function sampleCustomers(hardId = "registered", count = 3): BloomreachProfile[] {
  const known = knownCustomers(hardId).slice(0, count);
  const others = Array.from({ length: count - known.length }, (_none, index): BloomreachProfile => {
    const email = `customer-${index + 1}@example.com`;
    return { customer_ids: { [hardId]: email }, properties: { firstName: `Customer ${index + 1}`, email } };
  });
  return [...known, ...others];
}

/** As `sampleCustomers`, but every one has the hard ID: who asks for a code, or does what points are given for. */
export function sampleMembers(hardId: string, count: number): BloomreachProfile[] {
  const isMember = ({ customer_ids }: BloomreachProfile): boolean => customer_ids[hardId] !== undefined;
  return sampleCustomers(hardId, count + 1)
    .filter(isMember)
    .slice(0, count);
}

function knownCustomers(hardId: string): BloomreachProfile[] {
  return [
    {
      customer_ids: { [hardId]: "anna.kowalska@example.com", cookie: "b6a1c2de-4f70-4b1c-9a35-0d6f1f6c2a01" },
      properties: {
        firstName: "Anna Kowalska",
        description: "Buys coffee every month",
        email: "anna.kowalska@example.com",
        phone: "+48 600 100 200",
        birthDate: "1988-04-17",
        city: "Katowice",
        state: "Silesia",
        address1: "ul. Mariacka 5",
        address2: "m. 12",
        country: "Poland",
        postalCode: "40-014",
        segment: "VIP",
        loyalty_points: 500,
        newsletter: true,
        member_since: "2019-11-02",
        acquisition_channel: "Website",
      },
    },
    {
      customer_ids: { [hardId]: "james.oconnor@example.com", cookie: "5d0f3a9c-1f0e-4d5b-8a44-91e0c7b1f7d2" },
      properties: {
        firstName: "James O'Connor",
        email: "james.oconnor@example.com",
        phone: "+353 85 012 3456",
        birthDate: "1975-09-30",
        city: "Cork",
        address1: "12 Patrick Street",
        country: "Ireland",
        postalCode: "T12 W8KP",
        segment: "Regular",
        loyalty_points: "500A",
        newsletter: false,
        member_since: "2022-03-15",
        acquisition_channel: "Facebook",
        favorite_color: "green",
      },
    },
    {
      customer_ids: { cookie: "e2c4b7f8-93d1-4c06-b0a2-6a7e5d4c3b03" },
      properties: { firstName: "Mei Tanaka", email: "mei.tanaka@example.com", city: "Osaka", country: "Japan" },
    },
  ];
}
