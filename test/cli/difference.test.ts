import { expect } from 'chai';
import fc from 'fast-check';
import { differences, type PlacedLink } from '../../cli/difference.ts';
import type { OrganisationLink } from '../../core/chain/link.ts';
import type { Digest, OrganisationId } from '../../core/chain/types.ts';

const link = (number: number): OrganisationLink => ({
  kind: 64,
  organisation: 1n as OrganisationId,
  timestamp: BigInt(1000 + number),
  digest: `0x${number.toString(16).padStart(64, '0')}` as Digest,
});
const placed = (each: OrganisationLink): PlacedLink => ({ link: each, block: 1, transaction: '0x' });
const history = [0, 1, 2, 3].map(link);
const onLedger = history.map(placed);

/** What is found, without the links themselves. */
const found = (told: readonly OrganisationLink[]) =>
  differences(onLedger, told).map(({ difference, position }) => `${difference} ${position}`);

describe('differences', () => {
  it('finds none in the same history', () => expect(found(history)).to.deep.equal([]));
  it('names what is left out', () =>
    expect(found(history.filter((_, index) => index !== 2))).to.deep.equal(['leftOut 2']));
  it('names what is added', () =>
    expect(found([...history.slice(0, 2), link(9), ...history.slice(2)])).to.deep.equal(['added 2']));
  it('names what is swapped, both places', () => {
    const [a, b, c, d] = history as [OrganisationLink, OrganisationLink, OrganisationLink, OrganisationLink];
    expect(found([a, c, b, d])).to.deep.equal(['moved 1', 'moved 2']);
  });
  it('names what is altered, and in which member', () => {
    const told = history.map((each, index) => (index === 3 ? { ...each, timestamp: 1n } : each));
    const [difference] = differences(onLedger, told);
    expect(difference).to.deep.include({ difference: 'altered', position: 3, members: ['timestamp'] });
  });
  it('names everything that is told of an empty history, and left out of a whole one', () => {
    expect(differences([], history).map(({ difference }) => difference)).to.deep.equal(
      Array(4).fill('added'),
    );
    expect(differences(onLedger, []).map(({ difference }) => difference)).to.deep.equal(
      Array(4).fill('leftOut'),
    );
  });
  it('finds something exactly when the histories differ', () =>
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 8 }), (numbers) => {
        const told = numbers.map(link);
        const same = JSON.stringify(numbers) === '[0,1,2,3]';
        expect(differences(onLedger, told).length === 0).to.equal(same);
      }),
    ));
});
