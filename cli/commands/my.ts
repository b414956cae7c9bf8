import * as z from 'zod/mini';
import type { Context } from '../context.ts';
import type { Exit } from '../exit.ts';
import { counted, type Output } from '../output.ts';
import { type ActingOptions, openActing } from '../titles/acting.ts';

const named = z.looseObject({
  identifier: z.nullable(z.string()),
  title: z.looseObject({
    subject: z.string(),
    state: z.string(),
    sellable: z.looseObject({ now: z.boolean(), obstacles: z.array(z.string()) }),
  }),
});
const mySchema = z.looseObject({ account: z.string(), vehicles: z.array(named), offers: z.array(named) });
type Named = z.infer<typeof named>;

/** The vehicles of a key: those it holds, and those that are on offer to it. */
export async function myVehicles(context: Context, options: ActingOptions): Promise<Exit> {
  const { client } = await openActing(context, options, 'account');
  const mine = await client.json('/v1/my/vehicles', mySchema);
  const { output } = context;
  output.value(mine);
  output.line(`Of the key ${mine.account}: ${counted(mine.vehicles.length, 'vehicle')}`);
  for (const vehicle of mine.vehicles) showNamed(output, vehicle);
  if (mine.offers.length > 0) output.line('On offer to it:');
  for (const vehicle of mine.offers) showNamed(output, vehicle);
  return 'ok';
}

function showNamed(output: Output, { identifier, title }: Named): void {
  const { now, obstacles } = title.sellable;
  const may = now ? output.style.good('may be sold') : output.style.warn(obstacles.join(', '));
  output.line(`  ${identifier ?? title.subject}  ${title.state}, ${may}`);
}
