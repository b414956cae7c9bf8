import { expect } from 'chai';
import { formatSignIn } from '../../../api/auth/signInMessage.ts';
import type { Address, OrganisationId } from '../../../core/chain/types.ts';
import { VinculumError } from '../../../core/errors.ts';
import { checkMessage } from '../../../web/acting/session.ts';

const account = `0x${'ab'.repeat(20)}` as Address;
const url = 'https://x.example:8443';

function message(
  change: { publicUrl?: string; signer?: Address; organisation?: bigint | null } = {},
): string {
  const { publicUrl = url, signer = account, organisation = null } = change;
  return formatSignIn(
    { publicUrl, chainId: 7n },
    {
      organisation: organisation as OrganisationId | null,
      signer,
      nonce: 'abcdefgh',
      issuedAt: new Date(0),
      expiresAt: new Date(600_000),
    },
  );
}

describe('checkMessage', () => {
  it('takes what the service it talks to asks this account to sign', () => {
    checkMessage(message(), { url, account, organisation: null });
    checkMessage(message({ organisation: 7n }), { url, account, organisation: 7n });
  });

  it('refuses what would sign in elsewhere, as somebody else, or for another organisation', () => {
    const refused: [string, bigint | null][] = [
      [message({ publicUrl: 'https://bank.example' }), null],
      [message({ signer: `0x${'cd'.repeat(20)}` as Address }), null],
      [message({ organisation: 7n }), null],
      [message({ organisation: 7n }), 8n],
      [message(), 7n],
      ['I owe you everything.', null],
    ];
    for (const [text, organisation] of refused) {
      expect(() => checkMessage(text, { url, account, organisation }))
        .to.throw(VinculumError)
        .with.property('code', 'signIn.otherPlace');
    }
  });
});
