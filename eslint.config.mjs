import { readdirSync } from "node:fs";
import js from "@eslint/js";
import { createNodeResolver, importX } from "eslint-plugin-import-x";
import tseslint from "typescript-eslint";

/** What knows nothing and may be imported from everywhere below src. */
const everywhere = ["src/json.ts", "src/status-line.ts"];
/** Which folders each folder may import: docs/architecture.md. Everything else below src and nodes is refused. */
const allowed = {
  "src/async": [],
  "src/schemas": [],
  "src/http": ["src/async"],
  "src/throttle": ["src/async"],
  "src/store": ["src/async"],
  "src/webhooks": [],
  "src/bloomreach": ["src/http", "src/schemas", "src/webhooks"],
  "src/voucherify": ["src/async", "src/http", "src/schemas", "src/webhooks"],
  "src/mapping": ["src/schemas"],
  "src/delivery": ["src/async", "src/store", "src/throttle"],
  "src/simulator": ["src/schemas"],
  "src/destinations": [
    "src/async",
    "src/schemas",
    "src/http",
    "src/throttle",
    "src/bloomreach",
    "src/voucherify",
    "src/mapping",
    "src/delivery",
  ],
};
for (const { name } of readdirSync(new URL("src", import.meta.url), { withFileTypes: true }).filter((one) =>
  one.isDirectory(),
))
  if (!(`src/${name}` in allowed)) throw new Error(`Say in eslint.config.mjs which folders src/${name} may import.`);

/** Each destination knows its own API and no other destination; what two of them share stands at the root. */
const strangers = {
  "src/destinations/voucherify": ["src/bloomreach", "src/destinations/bloomreach", "src/destinations/gateway"],
  "src/destinations/gateway": ["src/bloomreach", "src/destinations/bloomreach", "src/destinations/voucherify"],
  "src/destinations/bloomreach": ["src/voucherify", "src/destinations/voucherify", "src/destinations/gateway"],
};
const destinationZones = Object.entries(strangers).map(([folder, others]) => ({
  target: `./${folder}`,
  from: others.map((other) => `./${other}`),
  message: `${folder} may import no other API and no other destination (docs/architecture.md).`,
}));
/** Rooms that only some may know although their folder is open. */
const closed = [
  {
    target: "./src/delivery",
    from: ["./src/store/key-value", "./src/store/level"],
    message: "What delivers knows the store's contract, and no engine (docs/architecture.md).",
  },
  {
    target: "./src/store/*.ts",
    from: ["./src/store/key-value", "./src/store/level"],
    message: "The store's contract knows no engine (docs/architecture.md).",
  },
  {
    target: "./src/store/key-value",
    from: ["./src/store/level"],
    message: "The store over keys and values knows the engine's interface alone (docs/architecture.md).",
  },
];
const zones = Object.entries(allowed).map(([folder, others]) => ({
  target: `./${folder}`,
  from: ["./src", "./nodes"],
  except: [folder, ...everywhere, ...others].map((other) => other.replace(/^src/, ".")),
  message: `${folder} may import only ${[...everywhere, ...others].join(", ")} (docs/architecture.md).`,
}));

/** The same inside nodes/lib, whose rooms may all import src. */
const allowedInLib = {
  runtime: [],
  delivery: ["runtime"],
  webhooks: ["runtime", "delivery"],
  accounts: ["runtime", "delivery"],
};
const zonesInLib = Object.entries(allowedInLib).map(([room, others]) => ({
  target: `./nodes/lib/${room}`,
  from: "./nodes/lib",
  except: [room, ...others].map((other) => `./${other}`),
  message: `nodes/lib/${room} may import only ${["src", ...others].join(", ")} (docs/architecture.md).`,
}));

/** What a module of nodes/editor finds in the page. */
const BROWSER = ["$", "RED", "Blob", "HTMLElement", "IntersectionObserver", "URL", "customElements", "document"].concat(
  ["setInterval", "clearInterval", "setTimeout", "clearTimeout"],
);

export default tseslint.config(
  { ignores: ["dist", "resources", ".node-red", ".cache", "runtimes", "coverage"] },
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [...tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { project: "./tsconfig.test.json", tsconfigRootDir: import.meta.dirname } },
    plugins: { "import-x": importX },
    settings: { "import-x/resolver-next": [createNodeResolver({ extensions: [".ts", ".js", ".json"] })] },
    rules: {
      // `export =` and `import x = require()` are how Node-RED loads a node file (docs/architecture.md).
      "@typescript-eslint/no-require-imports": ["error", { allowAsImport: true }],
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "import-x/no-cycle": "error",
      "import-x/no-restricted-paths": [
        "error",
        {
          zones: [
            ...zones,
            ...destinationZones,
            ...zonesInLib,
            ...closed,
            { target: "./nodes/lib", from: "./nodes", except: ["./lib"], message: "nodes/lib knows no single node." },
          ],
        },
      ],
      "no-restricted-imports": [
        "error",
        {
          paths: [
            { name: "node-red", message: "Only nodes/ may know Node-RED, through @types/node-red." },
            { name: "bottleneck", message: "Bottleneck lives in src/throttle and nowhere else." },
            { name: "axios", message: "The one axios client is src/http." },
          ],
        },
      ],
    },
  },
  { files: ["src/throttle/**/*.ts", "src/http/**/*.ts", "nodes/**/*.ts"], rules: { "no-restricted-imports": "off" } },
  {
    files: ["test/**/*.ts", "bench/**/*.ts"],
    rules: {
      "no-restricted-imports": "off",
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/no-unsafe-call": "off",
      "@typescript-eslint/no-unsafe-return": "off",
    },
  },
  {
    // Runs in Node-RED's editor: plain modules, without a bundler.
    files: ["nodes/editor/**/*.js"],
    languageOptions: {
      globals: Object.fromEntries(BROWSER.map((name) => [name, "readonly"])),
    },
    rules: { "no-unused-vars": ["error", { argsIgnorePattern: "^_" }] },
  },
  {
    files: ["**/*.mjs"],
    languageOptions: { globals: { process: "readonly", console: "readonly", URL: "readonly", setTimeout: "readonly" } },
  },
);
