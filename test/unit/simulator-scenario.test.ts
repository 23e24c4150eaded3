import assert from "node:assert/strict";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import {
  renderEmail,
  type Scenario,
  sampleCustomers,
  SAMPLE_METADATA_KEYS,
  sampleMembers,
  sendScenario,
} from "../../src/simulator";
import { renderRoot, renderTemplate } from "../../src/simulator/scenario/template";

const ROOT = "[\n{% output customers separated by ',\\n  ' %}\n]";
const CUSTOMER =
  '{"registered":"{{ customer_ids.registered }}","name":"{{ customer.firstName }}","metadata":{"points":"{{ customer.points }}"}}';

describe("template of the simulated Bloomreach", () => {
  const context = {
    customer_ids: { registered: "ann" },
    customer: {
      "first name": "Ann",
      "it's": "theirs",
      vip: true,
      gone: null,
      points: 5.5,
      tags: ["a'b", 1, false, { x: null }],
      texts: ["a\"'b", "a\\b\nc\0\u2028é", "x"],
    },
  };

  for (const [template, expected] of [
    ["{{ customer_ids.registered }}", "ann"],
    ["{{customer_ids.registered}}!", "ann!"],
    ["{{ customer['first name'] }}", "Ann"],
    ['{{ customer["first name"] }}', "Ann"],
    ["{{ customer['it\\'s'] }}", "theirs"],
    ["{{ customer.vip }} {{ customer.gone }} {{ customer.points }}", "True None 5.5"],
    ["{{ customer.tags }}", `["a'b", 1, False, {'x': None}]`],
    ["{{ customer.texts }}", `['a"\\'b', 'a\\\\b\\nc\\x00\\u2028é', 'x']`],
    ["[{{ customer.nothing }}{{ customer.nothing.deeper }}{{ event.name }}]", "[]"],
    ["{{ customer.constructor }}{{ customer.__proto__ }}", ""],
    ["{{ customer.items }}", "<built-in method items of dict object>"],
    ["{{ customer['items'] }}{{ customer['keys'] if 'keys' in customer }}", "<built-in method items of dict object>"],
    ["$& {{ customer.points }} $1", "$& 5.5 $1"],
    ["{{ customer.texts | json }}", '["a\\"\'b", "a\\\\b\\nc\\u0000\\u2028\\u00e9", "x"]'],
    ['{{ "<a&\'b>" | tojson }}', '"\\u003ca\\u0026\\u0027b\\u003e"'],
    ["{{ customer.tags[3] | json }} {{ customer.tags[-1].x | json }}", '{"x": null} null'],
    ["{{ customer.gone | string | json }}{{ customer.nothing | string | json }}", '"None"""'],
    ["{{ customer.nothing | default('-') }}{{ customer.gone | default('-', true) }}{{ 0 | d('-') }}", "--0"],
    ["{{ (customer.nothing ~ '-' ~ customer.points ~ '-' ~ customer.vip) | json }}", '"-5.5-True"'],
    ["{{ 'a' if customer.points > 5 and not customer.gone else 'b' }}{{ 'a' if customer.gone }}", "a"],
    [
      "{{ customer.points // 2 + 3 * 2 - 1 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ '5.5' | int }} {{ 'x' | int }}",
      "7 -4 2 5 0",
    ],
    [
      "{{ 1 == true }} {{ 'b' in 'abc' }} {{ 1 not in customer.tags }} {{ customer.gone is none }}",
      "True True False True",
    ],
    ["{{ customer.nothing is not defined }} {{ customer.points != 5.5 or customer.vip }}", "True True"],
    ["{{ 'a-b' | replace('-', '+') | upper }} {{ customer.tags | length }} {{ ['x', 'y'] | join('/') }}", "A+B 4 x/y"],
    ["{% for tag in customer.tags %}{{ loop.index }}{% if not loop.last %},{% endif %}{% endfor %}", "1,2,3,4"],
    ["{% set name = customer['first name'] %}{{ name | trim | lower }}{# nobody sees this #}", "ann"],
    ["{% if customer.gone %}a{% elif customer.vip %}b{% else %}c{% endif %}\n", "b"],
    ["a  {{- customer.vip -}}  b {%- if true %} c{% endif %}", "aTrueb c"],
    ["{% if customer.vip %}yes{% else %}no{% endif %}", "yes"],
    ["{%- if customer.gone -%}yes{% else %}no{% endif %}!", "no!"],
    ["{% if customer.nothing %}{{ customer.points }}{% endif %}.", "."],
    ["{% if customer.vip %}{% if customer.tags %}in{% endif %}{% else %}{% abort %}{% endif %}", "in"],
    ["{% if customer.gone %}{% if customer.vip %}in{% endif %}{% else %}out{% endif %}", "out"],
  ] as const)
    it(`renders ${template}`, () => assert.equal(renderTemplate(template, context), expected));

  for (const template of [
    "{{ customer.points | nonsense }}",
    "{{ customer.points + }}",
    "{{ customer points }}",
    "{{ metrics('id') }}",
    "{{ }}",
    "{% if customer.points > %}x{% endif %}",
    "{% macro tag() %}x{% endmacro %}",
    "{% endif %}",
    "{% else %}",
    "{% for tag in customer.tags %}x{% endif %}",
  ])
    it(`explains that it cannot read ${template}`, () =>
      assert.throws(() => renderTemplate(template, context), /^Error: The simulator cannot read/));

  it("writes no JSON of what is missing, and does not calculate with it", () => {
    assert.throws(() => renderTemplate("{{ customer.nothing | json }}", context), /needs a value, and it is missing/);
    assert.throws(() => renderTemplate("{{ customer.nothing + 1 }}", context), /^Error: The template calculates/);
    assert.throws(() => renderTemplate("{{ customer.nothing > 1 }}", context), /^Error: The template compares/);
  });

  it("misses an endif", () => assert.throws(() => renderTemplate("{% if customer.vip %}x", context), /without its/));

  it("writes a customer's value as it is, whatever it holds", () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        assert.equal(renderTemplate("<{{ customer.x }}>", { customer: { x: value } }), `<${value}>`);
      }),
    );
  });

  it("joins customers in the Root template", () => {
    assert.equal(renderRoot(ROOT, ["1", "$&"]), "[\n1,\n  $&\n]");
    assert.equal(renderRoot('{%output customers separated by ","%}', ["1", "2"]), "1,2");
    assert.equal(
      renderRoot(
        '{{ customers | length }}: {{ customers | join("+") }} {% for item in customers %}{{ (item | from_json).a }}{% endfor %}',
        ['{"a":1}', '{"a":2}'],
      ),
      '2: {"a":1}+{"a":2} 12',
    );
    assert.throws(() => renderRoot("[]", ["1"]), /needs the tag/);
    assert.throws(() => renderRoot("[{% output customers %}]", ["1"]), /cannot read/);
  });
});

describe("e-mail of the simulated Bloomreach", () => {
  const ann = { customer_ids: { registered: "ann" }, properties: { firstName: "Ann" } };
  const guarded = "{% if webhook['voucher.code'] %}{{ webhook['voucher.code'] }}{% else %}{% abort %}{% endif %}";
  for (const [what, template, answer, expected] of [
    ["a nested key, joined by dots", "{{ webhook['voucher.code'] }}", { voucher: { code: "007" } }, "007"],
    ["a key of its own", "{{ customer.firstName }}: {{ webhook.points }}", { points: 5 }, "Ann: 5"],
    ["no code", "Code: {{ webhook['voucher.code'] }}", { success: false }, "Code: "],
    ["an answer that is no JSON", "Code: {{ webhook['voucher.code'] }}", "Bad Gateway", "Code: "],
    ["a guard around a code", guarded, { voucher: { code: "A-1" } }, "A-1"],
    ["a guard without a code: no e-mail", guarded, { success: false }, null],
  ] as const)
    it(`shows ${what}`, () => assert.equal(renderEmail(template, ann, answer), expected));

  it("says what it cannot read", () =>
    assert.throws(() => renderEmail("{{ customer points }}", ann, {}), /cannot read/));
});

describe("sample customers", () => {
  it("are as many as asked, all different", () => {
    for (const count of [1, 2, 3, 4, 1_000]) {
      assert.equal(
        new Set(sampleCustomers("no", count).map(({ customer_ids }) => JSON.stringify(customer_ids))).size,
        count,
      );
      assert.equal(new Set(sampleMembers("no", count).map(({ customer_ids }) => customer_ids.no)).size, count);
    }
  });
  it("have the hard ID, when they are members", () =>
    assert.ok(sampleMembers("no", 1_000).every(({ customer_ids }) => typeof customer_ids.no === "string")));
});

describe("sendScenario", () => {
  let server: Server;
  let received: { headers: IncomingHttpHeaders; body: string }[];
  /** Status per request, the last one repeated; 0 cuts the connection. */
  let statuses: number[];

  beforeEach((done) => {
    received = [];
    statuses = [200];
    server = createServer((request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
      request.on("end", () => {
        const status = statuses[Math.min(received.length, statuses.length - 1)] as number;
        received.push({ headers: request.headers, body });
        if (status === 0) return void request.socket.destroy();
        response.writeHead(status).end(`{"success":${status === 200}}`);
      });
    }).listen(0, "127.0.0.1", done);
  });
  afterEach((done) => {
    server.closeAllConnections();
    server.close(done);
  });

  const people = (count: number) =>
    Array.from({ length: count }, (_unused, index) => ({
      customer_ids: { registered: `c${index}` },
      properties: { firstName: `Ann ${index}`, points: index },
    }));
  const send = (changes: Partial<Scenario>) =>
    sendScenario({
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
      headers: { "application-id": "id", "secret-key": "key" },
      customers: people(5),
      customerTemplate: CUSTOMER,
      rootTemplate: ROOT,
      mode: "batch",
      batchSize: 2,
      retryDelayMs: 1,
      ...changes,
    });

  it("sends batches with its headers", async () => {
    const result = await send({});
    assert.deepEqual(result, {
      requests: [2, 2, 1].map((customers) => ({ status: 200, body: { success: true }, customers })),
      retried: 0,
      failed: 0,
      unsent: 0,
    });
    assert.deepEqual(JSON.parse(received[0]?.body ?? ""), [
      { registered: "c0", name: "Ann 0", metadata: { points: "0" } },
      { registered: "c1", name: "Ann 1", metadata: { points: "1" } },
    ]);
    assert.equal(received[0]?.headers["secret-key"], "key");
    assert.equal(received[0]?.headers["content-type"], "application/json");
  });

  it("sends one request per customer", async () => {
    const result = await send({ mode: "single" });
    assert.equal(result.requests.length, 5);
    assert.equal(JSON.parse(received[4]?.body ?? "").registered, "c4");
  });

  for (const code of [400, 404, 410, 412, 413, 418])
    it(`stops the whole campaign at ${code}`, async () => {
      statuses = [200, code];
      const result = await send({});
      assert.equal(received.length, 2);
      assert.equal(result.stopped?.code, code);
      assert.match(result.stopped?.sentence ?? "", new RegExp(`${code}.*stop the whole campaign`));
      assert.deepEqual([result.failed, result.unsent], [2, 1]);
    });

  it("sends the same bytes again later after a 500", async () => {
    statuses = [500, 200, 500, 500, 200];
    const result = await send({});
    assert.deepEqual(
      result.requests.map(({ status }) => status),
      [200, 200, 200],
    );
    assert.deepEqual([result.retried, result.failed, received.length], [3, 0, 6]);
    assert.equal(received[3]?.body, received[0]?.body);
  });

  it("gives up on an endless 500", async () => {
    statuses = [500];
    const result = await send({ batchSize: 5 });
    assert.deepEqual([result.requests.length, result.retried, result.failed, received.length], [1, 5, 5, 6]);
  });

  it("counts other 4xx and missing answers as failed and goes on", async () => {
    statuses = [401, 0, 200];
    const result = await send({});
    assert.deepEqual(
      result.requests.map(({ status }) => status),
      [401, 0, 200],
    );
    assert.match(JSON.stringify(result.requests[1]?.body), /^"No answer came/);
    assert.deepEqual([result.failed, result.retried, result.unsent], [4, 0, 0]);
  });

  it("does not wait longer than its time limit", async () => {
    server.removeAllListeners("request");
    const result = await send({ batchSize: 5, timeoutMs: 20 });
    assert.deepEqual(result.requests, [{ status: 0, body: "No answer came within 20 ms.", customers: 5 }]);
  });

  it("leaves over what Jinja leaves over, but never in an ID", async () => {
    await send({ mess: "leftovers", customers: people(12), batchSize: 12 });
    const sent = JSON.parse(received[0]?.body ?? "") as {
      registered: string;
      name: string;
      metadata: { points: string };
    }[];
    assert.deepEqual(
      sent.map(({ registered }) => registered),
      people(12).map(({ customer_ids }) => customer_ids.registered),
    );
    const values = new Set(sent.flatMap(({ name, metadata }) => [name, metadata.points]));
    for (const leftover of ["", "None", "undefined", "null", "Ann 1"]) assert.ok(values.has(leftover), leftover);
  });

  it("breaks the array with one unescaped quote", async () => {
    await send({ mess: "broken-quote", customers: people(3), batchSize: 3 });
    const body = received[0]?.body ?? "";
    assert.throws(() => JSON.parse(body));
    assert.deepEqual(body.split("\n").filter((line) => /^\s*\{/.test(line) && /Joe/.test(line)).length, 1);
  });

  it("refuses an address that is none, and a Root template without its tag", async () => {
    await assert.rejects(send({ url: "/hook" }), /must begin with http/);
    await assert.rejects(send({ rootTemplate: "[]" }), /needs the tag/);
  });
});

describe("sampleCustomers", () => {
  it("has a good customer, one with bad metadata, and one without the hard ID", () => {
    const [good, bad, anonymous] = sampleCustomers("crm_id");
    assert.equal(good?.customer_ids.crm_id, "anna.kowalska@example.com");
    assert.equal(bad?.properties.loyalty_points, "500A");
    assert.ok(bad && "favorite_color" in bad.properties && SAMPLE_METADATA_KEYS.includes("favorite_color"));
    assert.ok(anonymous && !("crm_id" in anonymous.customer_ids));
  });
});
