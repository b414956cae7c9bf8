import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import fc from 'fast-check';
import { parseJson, readBody, requireMediaType } from '../../../api/http/body.ts';
import { expectCode } from '../../expectCode.ts';

const bytes = (text: string) => Buffer.from(text);

describe('parseJson', () => {
  it('gives what JSON.parse gives', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const text = JSON.stringify(value);
        expect(parseJson(bytes(text))).to.deep.equal(JSON.parse(text));
      }),
    );
  });

  it('counts no bracket that stands in a string', () => {
    const value = { text: '[{"\\['.repeat(1000) };
    expect(parseJson(bytes(JSON.stringify(value)))).to.deep.equal(value);
  });

  for (const [what, content] of Object.entries({
    nothing: '',
    garbage: '{"a":',
    'two values': '{} {}',
    'an open string': '"[',
    'an escape at the end': '"\\',
    'lists too deep': '['.repeat(65) + ']'.repeat(65),
    'lists far too deep': '['.repeat(1_000_000),
    'objects too deep': `${'{"a":'.repeat(65)}1${'}'.repeat(65)}`,
  })) {
    it(`refuses ${what}`, () => expectCode('request.malformed', () => parseJson(bytes(content))));
  }

  it('refuses what is no UTF-8', () =>
    expectCode('request.malformed', () => parseJson(Buffer.from([0x22, 0xff, 0xfe, 0x22]))));
});

describe('requireMediaType', () => {
  const typed = (headers: Record<string, string>) => ({ headers }) as unknown as IncomingMessage;

  it('takes the type in any case and with UTF-8', () => {
    for (const type of [
      'application/json',
      'Application/JSON; charset=UTF-8',
      'application/json;charset="utf-8"',
    ]) {
      expect(requireMediaType(typed({ 'content-type': type }), ['application/json'])).to.equal(
        'application/json',
      );
    }
  });

  for (const headers of [
    {},
    { 'content-type': 'text/plain' },
    { 'content-type': 'application/json; charset=latin1' },
    { 'content-type': 'application/json', 'content-encoding': 'gzip' },
  ]) {
    it(`refuses ${JSON.stringify(headers)}`, () =>
      expectCode('request.mediaType', () => requireMediaType(typed(headers), ['application/json'])));
  }
});

describe('readBody', () => {
  /** The outcome of reading a body of at most ten bytes that `send` sends. */
  async function read(send: (port: number) => void): Promise<string> {
    const outcome = Promise.withResolvers<string>();
    const server = createServer((request, response) => {
      readBody(request, 10)
        .then(
          (body) => body.toString(),
          (error: { code: string }) => error.code,
        )
        .then((text) => {
          outcome.resolve(text);
          response.end();
        });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    try {
      send((server.address() as AddressInfo).port);
      return await outcome.promise;
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }
  const post = (port: number, headers: Record<string, string> = {}) => {
    const outgoing = httpRequest({ port, host: '127.0.0.1', method: 'POST', headers });
    outgoing.on('error', () => undefined);
    return outgoing;
  };

  it('gives the whole body', async () => {
    expect(await read((port) => post(port).end('0123456789'))).to.equal('0123456789');
  });

  it('refuses a length that is declared too large, before reading', async () => {
    const text = await read((port) => post(port, { 'content-length': '11' }).write('0'));
    expect(text).to.equal('request.tooLarge');
  });

  it('refuses a body without a declared length as soon as it is too long', async () => {
    const text = await read((port) => {
      const outgoing = post(port);
      outgoing.write('01234');
      outgoing.write('567890');
    });
    expect(text).to.equal('request.tooLarge');
  });

  it('tells a body that was cut off', async () => {
    const text = await read((port) => {
      const outgoing = post(port, { 'content-length': '9' });
      outgoing.write('0123', () => outgoing.destroy());
    });
    expect(text).to.equal('request.malformed');
  });
});
