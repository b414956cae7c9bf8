import { isOpen, type Obstacle, obstaclesOf, type Title } from '../../core/modules/title.ts';
import type { Output } from '../output.ts';
import { instantOf } from './fields.ts';

const WHY: Readonly<Record<Obstacle, string>> = {
  notHeld: 'nobody holds it now',
  stolen: 'it is reported stolen',
  lien: 'a lien is open',
};

/** Says how a title stands at a moment: who holds it, and what stands against a sale. */
export function showTitleState(output: Output, title: Title, at: bigint): void {
  const { style } = output;
  const obstacles = obstaclesOf(title, at);
  if (title.owner !== null) output.line(`  owner’s key   ${title.owner} (${title.tenure}. of this title)`);
  const may =
    obstacles.length === 0
      ? style.good('yes')
      : `${style.bad('no')}: ${obstacles.map((obstacle) => WHY[obstacle]).join(', ')}`;
  output.line(`  may be sold   ${may}`);
  for (const lien of title.liens.filter((held) => isOpen(held, at))) {
    const { number, holder, rank, until } = lien;
    output.line(
      `  lien ${String(number).padEnd(8)} rank ${rank}, of organisation ${holder}, until ${instantOf(until)}`,
    );
  }
  if (title.offer !== null) {
    const over = isOpen(title.offer, at) ? '' : ' (expired)';
    output.line(`  on offer to   ${title.offer.buyer}, until ${instantOf(title.offer.until)}${over}`);
  }
  if (title.brands.length > 0) {
    const codes = title.brands.map((code) => String(code).padStart(2, '0')).join(', ');
    output.line(`  brands        ${style.warn(codes)} (AAMVA D20)`);
  }
  if (title.replaces !== null) output.line(`  replaces      ${title.replaces}`);
  if (title.replacedBy !== null) output.line(`  replaced by   ${title.replacedBy}`);
}
