import { type FormEvent, Suspense, useId, useState } from 'react';
import { squeeze } from '../../core/identifiers/vin.ts';
import { shownIdentifier, vinFeedback } from '../model/vinFeedback.ts';
import type { Texts } from '../texts/texts.ts';
import { useTongue } from './context.ts';
import { lazyPart } from './lazyPart.tsx';
import { canScan } from './scanning.ts';

const Scan = lazyPart(() => import('./Scan.tsx').then((part) => part.Scan));

type Props = {
  readonly start: string;
  readonly compact?: boolean;
  readonly onSearch: (identifier: string) => void;
};

/** The search field, which says at every keystroke what it makes of the text. */
export function Search({ start, compact = false, onSearch }: Props) {
  const { texts } = useTongue();
  const [text, setText] = useState(start);
  const [asked, setAsked] = useState(false);
  const [scanning, setScanning] = useState(false);
  const field = useId();
  const hint = useId();
  const feedback = vinFeedback(text);
  const ready = feedback.state === 'ready';
  const faulty = feedback.state === 'fault' || feedback.state === 'address' || (asked && !ready);

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setAsked(true);
    if (ready) onSearch(feedback.identifier);
    else document.getElementById(field)?.focus();
  };
  const take = (vin: string): void => {
    setText(vin);
    setAsked(false);
    document.getElementById(field)?.focus();
  };

  return (
    <form className={compact ? 'search compact' : 'search'} onSubmit={submit} noValidate>
      <label htmlFor={field} className={compact ? 'hidden' : ''}>
        {texts.search.label}
      </label>
      <div className="search-row">
        <input
          id={field}
          className="vin"
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            setAsked(false);
          }}
          aria-describedby={hint}
          aria-invalid={faulty}
          placeholder={texts.search.placeholder}
          autoComplete="off"
          autoCapitalize="characters"
          autoCorrect="off"
          spellCheck={false}
          enterKeyHint="search"
          maxLength={2000}
        />
        <button type="submit" className="primary">
          {compact ? texts.search.short : texts.search.button}
        </button>
        {canScan() ? (
          <button type="button" className="secondary" onClick={() => setScanning(true)}>
            {texts.search.scan}
          </button>
        ) : null}
      </div>
      <div
        id={hint}
        className="feedback"
        role="status"
        data-feedback={feedback.state === 'fault' ? feedback.fault.code : feedback.state}
      >
        {compact && text === start ? null : (
          <Feedback text={text} asked={asked} onTake={take} onSearch={onSearch} compact={compact} />
        )}
      </div>
      {scanning ? (
        <Suspense fallback={null}>
          <Scan
            onFound={(vin) => {
              setScanning(false);
              take(vin);
            }}
            onClose={() => setScanning(false)}
          />
        </Suspense>
      ) : null}
    </form>
  );
}

function Feedback(props: {
  text: string;
  asked: boolean;
  compact: boolean;
  onTake: (vin: string) => void;
  onSearch: (identifier: string) => void;
}) {
  const { texts, format } = useTongue();
  const { search } = texts;
  const feedback = vinFeedback(props.text);
  switch (feedback.state) {
    case 'empty':
      return props.asked ? (
        <p className="fault">{search.typing(format.number(0))}</p>
      ) : props.compact ? null : (
        <p>{search.where}</p>
      );
    case 'typing':
      return <p className={props.asked ? 'fault' : ''}>{search.typing(format.number(feedback.length))}</p>;
    case 'ready': {
      const shown = shownIdentifier(feedback.identifier);
      const tidied = feedback.tidied.map((how) => search.tidy[how]).join(' ');
      return (
        <>
          <p className="fine">
            {feedback.identifier.startsWith('vin:')
              ? feedback.checked
                ? search.readyChecked
                : search.ready
              : search.readyOther}
          </p>
          {tidied === '' ? null : <p>{search.tidied(tidied, shown)}</p>}
        </>
      );
    }
    case 'address':
      return (
        <>
          <p className="fault">{search.address}</p>
          <p>{feedback.offered.length === 0 ? search.addressNone : search.addressOffer}</p>
          <Offers vins={feedback.offered} onTake={props.onTake} />
        </>
      );
    case 'fault':
      return (
        <>
          <p className="fault">{faultText(texts, feedback.fault, format.number)}</p>
          {feedback.didYouMean.length === 0 ? null : (
            <>
              <p>{search.didYouMean}</p>
              <Offers vins={feedback.didYouMean.slice(0, 4)} onTake={props.onTake} />
            </>
          )}
          {feedback.fault.code === 'vin.checkDigit' && props.asked ? (
            <button
              type="button"
              className="quiet"
              onClick={() => props.onSearch(`vin:${squeeze(props.text)}`)}
            >
              {search.anyway}
            </button>
          ) : null}
        </>
      );
  }
}

function Offers({ vins, onTake }: { vins: readonly string[]; onTake: (vin: string) => void }) {
  return (
    <p className="offers">
      {vins.map((vin) => (
        <button key={vin} type="button" className="secondary vin" onClick={() => onTake(vin)}>
          {vin}
        </button>
      ))}
    </p>
  );
}

type Fault = Extract<ReturnType<typeof vinFeedback>, { state: 'fault' }>['fault'];

function faultText({ search }: Texts, fault: Fault, number: (value: number) => string): string {
  switch (fault.code) {
    case 'vin.notAscii':
      return search.notAscii(fault.character);
    case 'vin.character':
      return search.character(fault.characters.join(' '), number(fault.position));
    case 'vin.length':
      return search.length(number(fault.length));
    case 'vin.placeholder':
      return search.placeholder_;
    case 'vin.checkDigit':
      return search.checkDigit;
    case 'identifier.isVin':
      return search.isVin;
    default:
      return search.identifier;
  }
}
