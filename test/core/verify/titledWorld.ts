import type { Hex } from '../../../core/bytes.ts';
import type { ModuleLink } from '../../../core/chain/link.ts';
import type { Address } from '../../../core/chain/types.ts';
import { type Identifier, parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { type Report, readReport } from '../../../core/report/report.ts';
import type { Verification } from '../../../core/verify/result.ts';
import { verify } from '../../../core/verify/verify.ts';
import { CAR, OTHER_CAR, World } from './world.ts';

export const ALICE = `0x${'a1'.repeat(20)}` as Address;
export const BOB = `0x${'b0'.repeat(20)}` as Address;
export const CAROL = `0x${'ca'.repeat(20)}` as Address;
export const CLERK = `0x${'ac'.repeat(20)}` as Address;

export const number = (value: number): Hex => `0x${value.toString(16).padStart(64, '0')}`;

/** A world with everybody who has to do with titles, and what they usually do. */
export class TitledWorld extends World {
  readonly registrar = this.admit(1n, 'Registre Exemple', 'registrar');
  readonly lender = this.admit(2n, 'Banque Exemple', 'lender');
  readonly police = this.admit(3n, 'Police', 'police');
  readonly authority = this.admit(4n, 'Authority', 'authority');
  readonly heir = this.admit(5n, 'Banque Nouvelle', 'lender');
  readonly workshop = this.admit(6n, 'Garage Lumen', 'workshop');
  readonly car: Identifier = parseIdentifier(CAR);
  readonly other: Identifier = parseIdentifier(OTHER_CAR);

  issue(vehicle = this.car, party = ALICE): ModuleLink {
    const data = { market: 'FR', reason: 'firstRegistration' };
    const sealed = { holderName: 'Alice' };
    return this.act('title.issued', vehicle, {
      organisation: this.registrar,
      party,
      data,
      sealed,
      time: '2023-01-10',
    });
  }

  /** From one owner to the next, by offer and acceptance. */
  sell(from: Address, to: Address, vehicle = this.car): ModuleLink {
    const amount = { amount: '9900.00', currency: 'EUR' };
    this.act('title.offered', vehicle, {
      actor: from,
      party: to,
      until: this.clock + 86_400n,
      sealed: { amount },
      time: '2023-02-10',
    });
    return this.act('title.accepted', vehicle, { actor: to, time: '2023-02-11' });
  }

  lien(rank = 1, vehicle = this.car, days = 100n): ModuleLink {
    return this.act('title.lienPlaced', vehicle, {
      organisation: this.lender,
      until: this.clock + days * 86_400n,
      detail: number(rank),
      data: { type: 'loan' },
      sealed: { contractNumber: 'K-1' },
      time: '2023-03-01',
    });
  }

  steal(vehicle = this.car): ModuleLink {
    return this.act('title.stolen', vehicle, { organisation: this.police, time: '2023-04-01' });
  }

  brand(code: number, vehicle = this.car): ModuleLink {
    return this.act('title.branded', vehicle, {
      organisation: this.authority,
      detail: number(code),
      data: { jurisdiction: 'US-CA', text: 'SALVAGE' },
      time: '2023-05-01',
    });
  }

  replace(to: Identifier = this.other, named = to): ModuleLink {
    return this.act('title.replaced', this.car, {
      organisation: this.registrar,
      detail: this.subjectOf(to),
      data: { to: `${named.type}:${named.value}`, reason: 'unreadable' },
      time: '2023-06-01',
    });
  }

  check(report: Report): Promise<Verification> {
    return verify(readReport(report), this.trust, this.view);
  }

  verifyCar(text = CAR): Promise<Verification> {
    return this.check(this.report(text));
  }
}

/** Sold once, under a lien, branded and stolen. */
export function titledWorld(): TitledWorld {
  const world = new TitledWorld();
  world.issue();
  world.sell(ALICE, BOB);
  world.lien();
  world.brand(11);
  world.steal();
  return world;
}

/** `step code` of every check that did not pass. */
export function failures(result: Verification): string[] {
  return result.steps.flatMap(({ step, checks }) =>
    checks.flatMap((one) => (one.outcome === 'passed' ? [] : [`${step} ${one.code}`])),
  );
}
