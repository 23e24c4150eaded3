import type { JsonObject } from "../../json";
import { newId, type SimulatedAnswer } from "../exchange";

/** A Voucherify error in its usual shape (docs.voucherify.io/api-reference/errors). */
export interface VoucherifyError {
  readonly key: string;
  readonly message: string;
  readonly details: string;
}

/** The error for a payload that breaks a rule; `details` names the property as Voucherify does. */
export function invalidPayload(details: string): VoucherifyError {
  return { key: "invalid_payload", message: "Invalid payload", details };
}

/** The error for metadata that does not fit its schema (docs.voucherify.io/prepare/metadata). */
export function metadataInvalid(details: string): VoucherifyError {
  return { key: "metadata_validation_failed", message: "Metadata validation failed", details };
}

/** 400 with Voucherify's usual error body. */
export function badRequest(error: VoucherifyError): SimulatedAnswer {
  return { status: 400, body: { code: 400, ...error, request_id: newId("v-") } };
}

/** 400 for a query parameter. */
export function badQuery(details: string): SimulatedAnswer {
  return badRequest({ key: "invalid_query_params", message: "Invalid query params", details });
}

/** 404 for an object that does not exist; `type` as Voucherify writes it, "metadata schema" for example. */
export function notFound(type: string, id: string): SimulatedAnswer {
  const body: JsonObject = {
    code: 404,
    key: "not_found",
    message: "Resource not found",
    details: `Cannot find ${type} with id ${id}`,
    request_id: newId("v-"),
    resource_id: id,
    resource_type: type,
  };
  return { status: 404, body };
}

/** 401 for missing or wrong keys. */
export function unauthorized(): SimulatedAnswer {
  return { status: 401, body: { code: 401, message: "Unauthorized", key: "unauthorized" } };
}

/** 403 for keys whose role does not allow the call. */
export function forbidden(): SimulatedAnswer {
  return { status: 403, body: { code: 403, message: "Forbidden", key: "forbidden" } };
}

/** The body of a 429, which has no `key`. */
export const TOO_MANY_REQUESTS: JsonObject = { code: 429, message: "Too many requests hit the API too quickly." };

/** An error that Voucherify's gateway answers before the API sees the request: no `code`, no `key`. */
export function gatewayError(statusCode: number, error: string, message: string): SimulatedAnswer {
  return { status: statusCode, body: { statusCode, error, message } };
}
