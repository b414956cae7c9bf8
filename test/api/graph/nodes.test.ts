import { createHmac } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { createNodes } from '../../../api/graph/nodes.ts';
import { temporaryKeyring } from '../../../api/keyring/keyring.ts';
import { lengthPrefixed } from '../../../core/bytes.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';

describe('createNodes', () => {
  const keyring = temporaryKeyring();
  const nodes = createNodes(keyring);
  const wrapping = { wrap: keyring.wrap.bind(keyring), unwrap: keyring.unwrap.bind(keyring) };

  it('names a thing by the first 16 bytes of a keyed hash, as a UUID', () => {
    const key = Buffer.alloc(32, 7);
    const known = createNodes({
      ...wrapping,
      lookup: (message) => createHmac('sha256', key).update(message).digest(),
    });
    const hex = createHmac('sha256', key)
      .update(Buffer.concat(['serial', 'volta.example', 'VB-1'].map(lengthPrefixed)))
      .digest('hex');
    const node = known.nodeOf(parseIdentifier('serial:volta.example:VB-1'));
    expect(node).to.match(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
    expect(node.replaceAll('-', '')).to.equal(hex.slice(0, 32));
  });

  it('gives each thing a name of its own, in whatever order it is asked', () => {
    const text = fc.stringMatching(/^(?:batch|serial):[ab]{1,3}\.example:[AB12]{1,4}$/);
    fc.assert(
      fc.property(fc.array(text, { minLength: 2 }), (texts) => {
        const named = new Map(texts.map((one) => [one, nodes.nodeOfText(one)]));
        for (const [one, node] of named) expect(nodes.nodeOf(parseIdentifier(one))).to.equal(node);
        expect(new Set(named.values()).size).to.equal(named.size);
      }),
    );
  });

  it('names nothing as another operator does', () => {
    const thing = parseIdentifier('batch:volta.example:VB-1');
    expect(createNodes(temporaryKeyring()).nodeOf(thing)).not.to.equal(nodes.nodeOf(thing));
  });
});
