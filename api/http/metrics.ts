import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** What is measured while requests are served; the rest is read when somebody asks (`collect`). */
export interface Metrics {
  readonly mediaType: string;
  request(method: string, route: string, status: number, seconds: number): void;
  lookups(count: number): void;
  /** The text for a scraper. */
  render(): Promise<string>;
}

/** Figures that others keep: names end in their unit, labels are few and bounded. */
export type Reading = {
  readonly name: string;
  readonly help: string;
  /** The name of the one label that tells the values apart, where there are several. */
  readonly label?: string;
  readonly values: readonly { readonly value: number; readonly of?: string }[];
};

export function createMetrics(collect: () => Promise<readonly Reading[]>): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: 'vinculum_http_request_seconds',
    help: 'Requests by method, route and status, with the time they took.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [registry],
  });
  const evaluated = new Counter({
    name: 'vinculum_lookups_total',
    help: 'Identifiers that were evaluated for callers.',
    registers: [registry],
  });
  const gauges = new Map<string, Gauge>();
  return {
    mediaType: registry.contentType,
    request: (method, route, status, seconds) =>
      requests.labels({ method, route, status: String(status) }).observe(seconds),
    lookups: (count) => evaluated.inc(count),
    render: async () => {
      for (const { name, help, label, values } of await collect()) {
        const labelNames = label === undefined ? [] : [label];
        const gauge = gauges.get(name) ?? new Gauge({ name, help, labelNames, registers: [registry] });
        gauges.set(name, gauge);
        gauge.reset();
        for (const { value, of } of values) {
          gauge.set(label === undefined || of === undefined ? {} : { [label]: of }, value);
        }
      }
      return registry.metrics();
    },
  };
}
