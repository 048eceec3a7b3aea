// Lets one client for Node, as it comes from its registry, say what is asked: `speak.js CLIENT URL KEY`.
// Standard input is the same as that of speak.py.
"use strict";
const fs = require("fs");

const [client, url, key] = process.argv.slice(2);
const asked = JSON.parse(fs.readFileSync(0, "utf8"));

const RealDate = Date;
if (asked.clock_off_s) {
  const off = asked.clock_off_s * 1000;
  globalThis.Date = class extends RealDate {
    constructor(...told) {
      told.length ? super(...told) : super(RealDate.now() + off);
    }
    static now() {
      return RealDate.now() + off;
    }
  };
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function fields(event) {
  const told = { told: event.id, amount: event.amount };
  if (event.kind === "oversize") return { ...told, text: event.text || "x".repeat(40000) };
  if (event.kind === "poison") return { ...told, amount: "\ud800" };
  return told;
}

const clients = {
  async "segment-node"() {
    const { Analytics } = require("@segment/analytics-node");
    const analytics = new Analytics({ writeKey: key, host: url, flushInterval: 50 });
    for (const event of asked.events) {
      const { id, user, name } = event;
      analytics.track({ userId: user, event: name, properties: fields(event), messageId: id });
    }
    await analytics.closeAndFlush({ timeout: 20000 });
  },
  async "rudder-node"() {
    const loaded = require("@rudderstack/rudder-sdk-node");
    const analytics = new (loaded.default || loaded)(key, { dataPlaneUrl: url, flushInterval: 50, gzip: true });
    for (const event of asked.events) {
      const { id, user, name } = event;
      analytics.track({ userId: user, event: name, properties: fields(event), messageId: id });
    }
    await new Promise((resolve) => analytics.flush(resolve));
  },
  async "posthog-node"() {
    const { PostHog } = require("posthog-node");
    const posthog = new PostHog(key, { host: url, flushInterval: 50, fetchRetryDelay: 200 });
    for (const event of asked.events) {
      posthog.capture({ distinctId: event.user, event: event.name, properties: fields(event), uuid: event.id });
    }
    await posthog.shutdown(20000);
  },
  async "snowplow-node"() {
    const { newTracker, buildSelfDescribingEvent } = require("@snowplow/node-tracker");
    let waiting = asked.events.length;
    const onRequestSuccess = (events) => (waiting -= events.length);
    const endpoint = `${url}/k/${key}`;
    const more = { eventMethod: "post", bufferSize: 50, maxPostBytes: 1000000, onRequestSuccess };
    const tracker = newTracker({ namespace: "shop", appId: "shop" }, { endpoint, ...more });
    for (const event of asked.events) {
      tracker.setUserId(event.user);
      const schema = `iglu:com.acme/${event.name.toLowerCase().replaceAll(" ", "_")}/jsonschema/1-0-0`;
      tracker.track(buildSelfDescribingEvent({ event: { schema, data: fields(event) } }));
    }
    for (let attempt = 0; waiting > 0 && attempt < 200; attempt += 1) {
      await tracker.flush();
      await sleep(100);
    }
  },
  async "cloudevents-node"() {
    const { CloudEvent, HTTP, emitterFor, Mode } = require("cloudevents");
    const emit = (mode) =>
      emitterFor(
        async (message) => {
          for (let attempt = 0; attempt < 10; attempt += 1) {
            const headers = { ...message.headers, authorization: `Bearer ${key}` };
            const answer = await fetch(`${url}/cloudevents`, { method: "POST", headers, body: message.body });
            if (answer.ok) return;
            await sleep(1000 * Number(answer.headers.get("retry-after") || 0.1));
          }
          throw new Error("given up");
        },
        { binding: HTTP, mode },
      );
    for (const [number, event] of asked.events.entries()) {
      const type = event.name.toLowerCase().replaceAll(" ", ".");
      const told = { id: event.id, source: "/shop", type, subject: event.user, data: fields(event) };
      await emit(number % 2 ? Mode.BINARY : Mode.STRUCTURED)(new CloudEvent(told));
    }
  },
};

clients[client]().then(() => {
  console.log("[]");
  process.exit(0);
});
