import * as z from 'zod';
import { languages } from '../../core/pdf/words.ts';
import { givenIdentifier } from '../http/fields.ts';
import { readKnownIdentifier } from '../http/identifiers.ts';
import { defineRoute } from '../http/route.ts';
import { readerOf } from '../privacy/reader.ts';
import { identifierProblems } from './histories.ts';

const params = z.strictObject({ id: givenIdentifier });

export const getVehiclePdf = defineRoute({
  method: 'get',
  path: '/v1/vehicles/{id}/report.pdf',
  name: 'getVehiclePdf',
  tag: 'Vehicles',
  summary: 'The report of a vehicle as a PDF to read and print, with the report itself attached.',
  description:
    'The pages are a claim like the report: `vinculum verify FILE` checks the attached report, and that the pages are ' +
    'those that it gives. Sealed fields are opened as in the report, and logged as there.',
  access: 'anyone',
  params,
  query: z.strictObject({
    lang: z.enum(languages).optional().meta({ description: 'Default: as the request accepts, else English' }),
  }),
  responses: { 200: { description: 'The PDF', mediaType: 'application/pdf' } },
  problems: [...identifierProblems, 'takeaway.busy'],
  async handle({ params: { id }, query, caller, request, response }, services) {
    const take = () => services.meter.take(caller, 1, response);
    const identifier = await readKnownIdentifier(id, ['vehicle'], services, take);
    services.metrics.lookups(1);
    const reading = { reader: readerOf(caller), route: 'getVehiclePdf' };
    const accepted = request.acceptsLanguages([...languages]);
    const language = query.lang ?? languages.find((known) => known === accepted) ?? 'en';
    const pdf = await services.takeAway.pdf(identifier, reading, language);
    return {
      status: 200,
      headers: {
        'Cache-Control': reading.reader.kind === 'anyone' ? 'no-cache' : 'private, no-store',
        'Content-Disposition': `inline; filename="vinculum-${identifier.value.replace(/[^0-9A-Za-z.-]/g, '_')}.pdf"`,
        'Content-Length': String(pdf.length),
        Vary: 'Authorization, Accept-Language',
      },
      stream: once(pdf),
      mediaType: 'application/pdf',
    };
  },
});

export const getVehicleCredential = defineRoute({
  method: 'get',
  path: '/v1/vehicles/{id}/credential',
  name: 'getVehicleCredential',
  tag: 'Vehicles',
  summary: 'The facts of a vehicle’s report as a W3C Verifiable Credential 2.0, short-lived.',
  description:
    'Signed (Data Integrity, `eddsa-jcs-2022`) by the did:key that `GET /v1/directory` names as `issuer`, which has ' +
    'checked the report against the chain. It states the block and what is not covered, and contains nothing sealed.',
  access: 'anyone',
  params,
  responses: { 200: { description: 'The credential, canonical JSON', mediaType: 'application/vc' } },
  problems: [...identifierProblems, 'takeaway.busy', 'takeaway.unproven'],
  async handle({ params: { id }, caller, response }, services) {
    const take = () => services.meter.take(caller, 1, response);
    const identifier = await readKnownIdentifier(id, ['vehicle'], services, take);
    services.metrics.lookups(1);
    const text = await services.takeAway.credential(identifier);
    return { status: 200, headers: { 'Cache-Control': 'no-store' }, text, mediaType: 'application/vc' };
  },
});

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
