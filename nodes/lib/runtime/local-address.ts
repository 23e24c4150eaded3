import type { AddressInfo } from "node:net";
import type { NodeAPI } from "node-red";

/** Where this Node-RED itself answers on this machine, with `httpNodeRoot`: for the simulator that plays Bloomreach. */
export function localAddress(RED: NodeAPI): string {
  const { port, address } = RED.server.address() as AddressInfo;
  const host =
    address === "::" || address === "0.0.0.0" ? "127.0.0.1" : address.includes(":") ? `[${address}]` : address;
  return `${RED.settings.https ? "https" : "http"}://${host}:${port}${nodeRoot(RED)}`;
}

/** `httpNodeRoot` without a slash at its end: "" or "/api". */
export function nodeRoot(RED: NodeAPI): string {
  const root = RED.settings.httpNodeRoot;
  return typeof root === "string" ? root.replace(/^\/?/, "/").replace(/\/+$/, "") : "";
}
