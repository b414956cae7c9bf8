import { type FormEvent, useEffect, useId, useRef, useState } from 'react';
import type { Address } from '../../core/chain/types.ts';
import type { SignedDesk } from '../model/location.ts';
import { useTongue } from '../page/context.ts';
import { saveBlob } from '../page/parts.tsx';
import type { Failure } from '../worker/messages.ts';
import { failureOf } from '../worker/problem.ts';
import { useWords } from './context.ts';
import { FailureNote, Field, FileField } from './parts.tsx';
import type { Service } from './service.ts';
import { lock, type Session, signIn } from './session.ts';
import { freshSigner, keystoreSigner, type Signer, walletSigner } from './signer.ts';
import { findWallets, type WalletOffer } from './wallet.ts';

type Props = {
  readonly desk: SignedDesk;
  readonly service: Service;
  /** Where a wallet finds the chain that it does not know. */
  readonly rpc: string | null;
  readonly onSession: (session: Session) => void;
};

const MOST_KEYSTORE_BYTES = 64 * 1024;
const LEAST_PASSWORD = 10;

/** The way in: a browser wallet, a keystore file or, for an owner, a key made here. */
export function Connect({ desk, service, rpc, onSession }: Props) {
  const words = useWords();
  const { texts } = useTongue();
  const id = useId();
  const [wallets, setWallets] = useState<readonly WalletOffer[]>([]);
  const [organisation, setOrganisation] = useState('');
  const [file, setFile] = useState<File | null>(null);
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState<'wallet' | 'keystore' | 'fresh' | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [asked, setAsked] = useState(false);
  useEffect(() => findWallets(setWallets), []);

  const gone = useRef(false);
  useEffect(() => {
    gone.current = false;
    return () => {
      gone.current = true;
    };
  }, []);
  /** For an organisation; an owner has a key of its own and nothing else. */
  const organised = desk !== 'owner';
  const wrongNumber = organised && organisation.trim() !== '' && !/^[1-9]\d{0,18}$/.test(organisation.trim());

  const enter = async (how: 'wallet' | 'keystore' | 'fresh', make: () => Promise<Signer>): Promise<void> => {
    setBusy(how);
    setFailure(null);
    let signer: Signer | null = null;
    try {
      signer = await make();
      if (gone.current) return signer.lock();
      const number = organisation.trim() === '' ? signer.organisation : organisation.trim();
      if (organised && number === null) {
        signer.lock();
        setFailure({ code: 'signIn.noOrganisation', details: {} });
        return;
      }
      const session = await signIn(service, signer, organised && number !== null ? BigInt(number) : null);
      // Whoever left meanwhile takes the key along.
      if (gone.current) return lock(session);
      onSession(session);
    } catch (error) {
      signer?.lock();
      setFailure(failureOf(error));
    } finally {
      setBusy(null);
    }
  };
  const openFile = (event: FormEvent): void => {
    event.preventDefault();
    setAsked(true);
    if (file === null || password === '' || wrongNumber) return;
    void enter('keystore', async () => {
      const text = file.size > MOST_KEYSTORE_BYTES ? '' : await file.text();
      return keystoreSigner(text, password);
    });
  };

  return (
    <div className="panel connect">
      <h2>{words.connect.heading}</h2>
      <p className="lead">{organised ? words.connect.leadRegistrar : words.connect.leadOwner}</p>
      {organised ? (
        <Field
          label={words.connect.organisation}
          hint={words.connect.organisationHint}
          fault={wrongNumber ? words.connect.organisationFault : null}
          value={organisation}
          onChange={setOrganisation}
          inputMode="numeric"
        />
      ) : null}
      <div className="ways">
        <section className="way" aria-labelledby={`${id}-wallet`}>
          <h3 id={`${id}-wallet`}>{words.connect.wallet}</h3>
          <p className="muted small">{words.connect.walletHint}</p>
          {wallets.length === 0 ? <p className="muted">{words.connect.walletNone}</p> : null}
          <p className="actions">
            {wallets.map(({ id: key, name, provider }) => (
              <button
                key={key}
                type="button"
                className="primary"
                disabled={busy !== null || wrongNumber}
                onClick={() => void enter('wallet', () => walletSigner(provider, rpc))}
              >
                {name === '' ? words.connect.walletUse : words.connect.walletNamed(name)}
              </button>
            ))}
          </p>
        </section>
        <section className="way" aria-labelledby={`${id}-file`}>
          <h3 id={`${id}-file`}>{words.connect.file}</h3>
          <p className="muted small">{words.connect.fileHint}</p>
          <form onSubmit={openFile} noValidate>
            <FileField
              label={words.connect.fileChoose}
              chosen={file?.name ?? null}
              fault={asked && file === null ? words.connect.fileMissing : null}
              onFile={setFile}
            />
            <Field
              label={words.connect.password}
              type="password"
              value={password}
              onChange={setPassword}
              autoComplete="off"
              fault={asked && password === '' ? words.connect.passwordMissing : null}
            />
            <p className="actions">
              <button type="submit" className="primary" disabled={busy !== null}>
                {busy === 'keystore' ? words.connect.opening : words.connect.open}
              </button>
            </p>
          </form>
        </section>
        {organised ? null : <Fresh busy={busy !== null} onMake={(make) => void enter('fresh', make)} />}
      </div>
      <p role="status" className="muted">
        {busy === null ? '' : busy === 'wallet' ? words.connect.askWallet : texts.app.loading}
      </p>
      {failure === null ? null : <FailureNote failure={failure} />}
    </div>
  );
}

/** A key of its own for one vehicle: it is nowhere but in the file that the browser saves. */
function Fresh({ busy, onMake }: { busy: boolean; onMake: (make: () => Promise<Signer>) => void }) {
  const words = useWords();
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const [asked, setAsked] = useState(false);
  const short = password.length < LEAST_PASSWORD;
  const differs = password !== again;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setAsked(true);
    if (short || differs) return;
    onMake(async () => {
      const { signer, file } = await freshSigner(password);
      saveBlob(
        new Blob([file], { type: 'application/json' }),
        `vinculum-key-${shortAddress(signer.account)}.json`,
      );
      return signer;
    });
  };
  return (
    <details className="fold way">
      <summary>{words.connect.fresh}</summary>
      <p className="muted small">{words.connect.freshHint}</p>
      <form onSubmit={submit} noValidate>
        <Field
          label={words.connect.freshPassword}
          type="password"
          autoComplete="new-password"
          value={password}
          onChange={setPassword}
          fault={asked && short ? words.connect.freshShort : null}
        />
        <Field
          label={words.connect.freshAgain}
          type="password"
          autoComplete="new-password"
          value={again}
          onChange={setAgain}
          fault={asked && differs ? words.connect.freshDiffers : null}
        />
        <p className="actions">
          <button type="submit" className="secondary" disabled={busy}>
            {words.connect.freshMake}
          </button>
        </p>
      </form>
    </details>
  );
}

function shortAddress(account: Address): string {
  return account.slice(2, 10);
}
