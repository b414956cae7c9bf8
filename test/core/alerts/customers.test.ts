import { expect } from 'chai';
import { customersOf } from '../../../core/alerts/customers.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { verify } from '../../../core/verify/verify.ts';
import { World } from '../verify/world.ts';

const BATCH = 'batch:packs.example:P-1';

class Shipping extends World {
  readonly packs = this.admit(1n, 'Packs', 'supplier');
  readonly cars = this.admit(2n, 'Cars', 'manufacturer');
  readonly rival = this.admit(3n, 'Rival', 'supplier');
  readonly batch = parseIdentifier(BATCH);

  ship(customer?: string): string {
    return this.record(this.packs, this.batch, {
      kind: 'batch.shipped',
      time: '2023-11-01',
      data: { bizStep: 'shipping', from: 'packs.example' },
      ...(customer === undefined ? {} : { sealed: { customer } }),
    }).digest;
  }

  receive(organisation: typeof this.cars, by: string, shipped?: string): void {
    this.record(organisation, this.batch, {
      kind: 'batch.received',
      time: '2023-11-02',
      data: { bizStep: 'receiving', by, accepted: true, ...(shipped === undefined ? {} : { shipped }) },
    });
  }

  amend(supersedes: string, data: object): void {
    this.record(this.packs, this.batch, {
      kind: 'amended',
      time: '2023-11-03',
      data: { supersedes, kind: 'batch.shipped', kindVersion: 1, reason: 'other', ...data } as never,
    });
  }

  async customers() {
    const { effective } = await verify(this.report(BATCH), this.trust, this.view);
    return customersOf(effective, this.packs).map(({ organisation, party, claimedBy }) => [
      organisation === null ? null : Number(organisation),
      party,
      claimedBy.map(Number),
    ]);
  }
}

describe('the customers of a batch', () => {
  it('are those that attest the receipt by the name that it was shipped to', async () => {
    const world = new Shipping();
    const shipped = world.ship('cars.example');
    world.receive(world.cars, 'cars.example', shipped);
    world.ship('abroad.example');
    expect(await world.customers()).to.deep.equal([
      [2, 'cars.example', []],
      [null, 'abroad.example', []],
    ]);
  });

  it('are not those that claim another’s shipment, and the one whom the shipper names stays', async () => {
    const world = new Shipping();
    world.receive(world.rival, 'rival.example', world.ship('abroad.example'));
    expect(await world.customers()).to.deep.equal([[null, 'abroad.example', [3]]]);
    const shipped = world.ship('cars.example');
    world.receive(world.rival, 'rival.example', shipped);
    world.receive(world.cars, 'cars.example');
    expect((await world.customers())[1]).to.deep.equal([2, 'cars.example', [3]]);
  });

  it('are whoever says so where the shipper names nobody', async () => {
    const world = new Shipping();
    world.receive(world.cars, 'cars.example', world.ship());
    expect(await world.customers()).to.deep.equal([[2, null, []]]);
  });

  it('are those of shipments as they were corrected, and none of those that were retracted', async () => {
    const world = new Shipping();
    const wrong = world.ship('abroad.example');
    world.amend(world.ship('nobody.example'), { retracted: true });
    const right = { bizStep: 'shipping', from: 'packs.example', to: 'cars.example' };
    world.amend(wrong, { data: right });
    world.receive(world.cars, 'cars.example', wrong);
    expect(await world.customers()).to.deep.equal([[2, 'cars.example', []]]);
  });
});
