import type { MetadataProperty, MetadataSchema, MetadataType } from "../../../schemas/voucherify";

type PropertyDetails = Partial<Omit<MetadataProperty, "type">>;

function property(type: MetadataType, details: PropertyDetails = {}): MetadataProperty {
  return { type, array: false, optional: true, objectType: null, ...details };
}

/**
 * The metadata schemas of a fresh simulator, by resource: a customer schema that has every type once, and the nested
 * schema that it refers to (docs.voucherify.io/prepare/metadata).
 */
export function seededSchemas(): Map<string, MetadataSchema> {
  const customer: MetadataSchema = {
    related_object: "customer",
    allow_defined_only: false,
    properties: {
      segment: property("string"),
      loyalty_points: property("number"),
      newsletter: property("boolean"),
      member_since: property("date"),
      last_visit: property("datetime"),
      home: property("geopoint"),
      avatar: property("image_url"),
      favorite_brands: property("string", { array: true }),
      acquisition_channel: property("string", { eq: ["Facebook", "Twitter", "Website"] }),
      household: property("object", { objectType: "Household" }),
      old_segment: property("string", { deleted: true }),
    },
  };
  const household: MetadataSchema = {
    related_object: "Household",
    allow_defined_only: false,
    properties: { size: property("number", { gte: 1 }), has_children: property("boolean"), pets: property("string") },
  };
  return new Map([
    ["customer", customer],
    ["Household", household],
  ]);
}
