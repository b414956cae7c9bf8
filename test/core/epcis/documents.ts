import { readdirSync, readFileSync } from 'node:fs';
import { sharedFile } from '../../shared.ts';

export type SharedDocument = { readonly name: string; readonly value: Record<string, unknown> };

/** The EPCIS documents of a shared folder, null where it is not here. */
export function sharedDocuments(folder: 'gs1-examples' | 'event-hash'): SharedDocument[] | null {
  const path = sharedFile(`epcis/${folder}`);
  if (path === null) return null;
  return readdirSync(path)
    .filter((name) => name.endsWith('.jsonld'))
    .sort()
    .map((name) => ({
      name,
      value: JSON.parse(readFileSync(`${path}/${name}`, 'utf8')) as Record<string, unknown>,
    }));
}

/** A judge by the schema that GS1 publishes, null where that is not here. */
export async function gs1Judge(): Promise<((value: unknown) => boolean) | null> {
  const path = sharedFile('epcis/EPCIS-JSON-Schema.json');
  if (path === null) return null;
  const { Ajv } = await import('ajv');
  const formats = await import('ajv-formats');
  const ajv = new Ajv({ strict: false });
  formats.default.default(ajv);
  const validate = ajv.compile(JSON.parse(readFileSync(path, 'utf8')) as object);
  return (value) => validate(value) as boolean;
}

/** A document of some events. */
export function documentOf(events: readonly unknown[], context: object = {}): Record<string, unknown> {
  return {
    '@context': ['https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld', context],
    type: 'EPCISDocument',
    schemaVersion: '2.0',
    creationDate: '2024-05-01T12:00:00Z',
    epcisBody: { eventList: events },
  };
}
