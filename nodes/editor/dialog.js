/**
 * Makes the parts of the dialogs the global `bvDialog`: a node's script is no module, and cannot import. Each dialog's html has
 * its own tag for this file; a module runs once, however many tags ask for it.
 */
import * as parts from "./parts.js";
import { migrateNodes, savedVersion } from "./saved-versions.js";

globalThis.bvDialog = { ...parts, savedVersion };
parts.defineTags();
migrateNodes();
$("<link>", { rel: "stylesheet", href: new URL("dialog.css", import.meta.url).href }).appendTo("head");
