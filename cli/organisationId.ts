import type { OrganisationId } from '../core/chain/types.ts';
import { usageError } from './exit.ts';

/** @throws `organisation.id` */
export function organisationId(text: string): OrganisationId {
  if (/^[1-9][0-9]{0,18}$/.test(text)) return BigInt(text) as OrganisationId;
  throw usageError('organisation.id', 'An organisation is named by its number, such as 7.');
}
