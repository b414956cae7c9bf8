import { sha256 } from '@noble/hashes/sha2.js';
import { expect } from 'chai';
import { fromBase64Url, toHex, utf8 } from '../../core/bytes.ts';
import { addressOfKey } from '../../core/chain/submission.ts';
import type { Address, OrganisationId, Subject } from '../../core/chain/types.ts';
import { openEnvelope } from '../../core/envelope/envelope.ts';
import { kindByNumber, kindsOfRoles } from '../../core/kinds/kinds.ts';
import { applyPartAction, NO_PART, type Part, partKinds } from '../../core/modules/part.ts';
import { generateDemo } from '../../scripts/demo/generate.ts';
import { composeSafetyParts, type PartPlace } from '../../scripts/demo/safetyParts.ts';
import { ledger } from './demo.support.ts';

describe('safety parts of the demo', () => {
  const demo = generateDemo('vinculum');
  const now = 1_790_000_000;
  const subjectOf = (identifier: string): Subject => toHex(sha256(utf8(identifier))) as Subject;
  const place: PartPlace = {
    ledger,
    organisations: new Map(
      demo.organisations.map(({ name }, index) => [name, BigInt(index + 1) as OrganisationId]),
    ),
    subjectOf,
    parts: `0x${'72'.repeat(20)}` as Address,
    attester: (name) => {
      const secretKey = sha256(utf8(`key of ${name}`));
      return { secretKey, address: addressOfKey(secretKey) };
    },
    now,
  };
  const makers = new Set(['kunlun', 'aurora', 'cascade']);
  const { built, later } = composeSafetyParts(demo.safetyParts, place, makers);
  const signed = [...built, ...later];
  const parts = new Map<Subject, Part>();
  for (const { action, request } of signed) {
    const before = parts.get(action.subject) ?? NO_PART;
    parts.set(action.subject, applyPartAction(before, action, request.actor as Address, BigInt(now)));
  }

  it('are executed as they stand, by every kind of action that there is', () => {
    expect(new Set(signed.map(({ action }) => action.kind))).to.deep.equal(new Set(Object.values(partKinds)));
    expect(signed.length).to.be.within(20, 80);
  });

  it('are acted on by organisations that have the right, by envelopes that open', () => {
    for (const { action, request } of signed) {
      const { roles = [] } = demo.organisations[Number(action.organisation) - 1] ?? {};
      const may = (kindsOfRoles(roles) >> BigInt(action.kind)) & 1n;
      expect(may, `${roles.join()} ${kindByNumber(action.kind)?.name}`).to.equal(1n);
      const { kind } = openEnvelope(fromBase64Url(request.block), fromBase64Url(request.key));
      expect(kind).to.equal(kindByNumber(action.kind)?.name);
    }
  });

  it('are where the vehicles’ histories say', () => {
    const clean = subjectOf(`vin:${demo.showcase.clean}`);
    const there = [...parts.values()].filter(({ vehicle }) => vehicle === clean);
    expect(there.map(({ state }) => state)).to.include('mounted');
    const stolen = subjectOf(`vin:${demo.showcase.stolenPart}`);
    expect(
      [...parts.values()].filter(({ vehicle, state }) => vehicle === stolen && state === 'stolen'),
    ).to.have.length(1);
  });
});
