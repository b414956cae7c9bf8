import { VinculumError } from '../errors.ts';

/*
 * Documents of any size: the events of a document one by one, while the rest of it is kept. JSON-LD may name the prefixes
 * after the events that use them, so that a document is read twice: for its frame, and for its events.
 */

/** The largest event, and the largest document without its events, in UTF-16 units. */
export const MAX_EVENT_LENGTH = 4 * 1024 * 1024;
export const MAX_FRAME_LENGTH = 16 * 1024 * 1024;
const MAX_DEPTH = 64;

const LISTS = new Set(['epcisBody/eventList', 'epcisBody/queryResults/resultsBody/eventList']);

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];
const isSpace = (sign: number): boolean => sign === 0x20 || sign === 0x0a || sign === 0x0d || sign === 0x09;

/**
 * Takes a document in pieces, gives each event’s text, and at the end the document with an empty list of events.
 * @throws `epcis.encoding` where the bytes are not UTF-8, `epcis.malformed` where they are not JSON, `epcis.tooLarge`
 */
export class DocumentScanner {
  readonly #onEvent: (text: string, index: number) => void;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });
  /** Objects and lists that are open, outermost first; of an object the member being read. */
  readonly #open: { readonly list: boolean; key: string }[] = [];
  #frame = '';
  #event = '';
  #events = 0;
  #lists = 0;
  /** How deep inside the list of events; 0 outside. */
  #inside = 0;
  #inString = false;
  #escaped = false;
  /** The string being read, and whether it may turn out to name a member. */
  #text = '';
  #last = '';
  /** In the list of events, between events: what must come next. */
  #expects: 'eventOrEnd' | 'commaOrEnd' | 'event' = 'eventOrEnd';
  #started = false;

  constructor(onEvent: (text: string, index: number) => void) {
    this.#onEvent = onEvent;
  }

  push(bytes: Uint8Array): void {
    if (!this.#started && bytes.length > 1) {
      this.#started = true;
      const [first, second] = bytes;
      // UTF-16 with its mark, or without: JSON begins with an ASCII sign.
      if (
        (first === 0xff && second === 0xfe) ||
        (first === 0xfe && second === 0xff) ||
        first === 0 ||
        second === 0
      ) {
        throw encodingError();
      }
    }
    this.#scan(this.#decode(bytes, true));
  }

  /** @returns the document’s value, its events left out */
  end(): unknown {
    this.#scan(this.#decode(new Uint8Array(), false));
    if (this.#open.length > 0 || this.#inString) throw malformed('it ends too early');
    if (this.#lists > 1) throw malformed('it has more than one list of events');
    try {
      return JSON.parse(this.#frame);
    } catch (cause) {
      throw malformed('outside the events', cause);
    }
  }

  #decode(bytes: Uint8Array, stream: boolean): string {
    try {
      return this.#decoder.decode(bytes, { stream });
    } catch (cause) {
      throw encodingError(cause);
    }
  }

  #scan(chunk: string): void {
    let from = 0;
    for (let at = 0; at < chunk.length; at++) {
      const sign = chunk.charCodeAt(at);
      if (this.#inString) {
        this.#string(sign, chunk, at);
        continue;
      }
      if (this.#inside === 1 && this.#between(sign)) {
        if (sign === CLOSE_BRACKET) {
          this.#inside = 0;
          this.#open.pop();
          from = at;
        } else if (sign === OPEN_BRACE) {
          this.#inside = 2;
          from = at;
        } else from = at + 1;
        continue;
      }
      switch (sign) {
        case QUOTE:
          this.#inString = true;
          this.#text = '';
          break;
        case COLON: {
          const top = this.#open.at(-1);
          if (top !== undefined && !top.list) top.key = this.#last;
          break;
        }
        case OPEN_BRACE:
        case OPEN_BRACKET:
          if (this.#inside > 1) {
            this.#inside += 1;
            if (this.#inside > MAX_DEPTH) throw malformed(`it is nested more than ${MAX_DEPTH} deep`);
          } else if (sign === OPEN_BRACKET && this.#isList()) {
            this.#keepFrame(chunk.slice(from, at + 1));
            this.#open.push({ list: true, key: '' });
            this.#lists += 1;
            this.#inside = 1;
            this.#expects = 'eventOrEnd';
            from = at + 1;
          } else {
            if (this.#open.length >= MAX_DEPTH) throw malformed(`it is nested more than ${MAX_DEPTH} deep`);
            this.#open.push({ list: sign === OPEN_BRACKET, key: '' });
          }
          break;
        case CLOSE_BRACE:
        case CLOSE_BRACKET:
          if (this.#inside > 2) this.#inside -= 1;
          else if (this.#inside === 2) {
            this.#keepEvent(chunk.slice(from, at + 1));
            from = at + 1;
            this.#inside = 1;
            this.#expects = 'commaOrEnd';
            this.#onEvent(this.#event, this.#events);
            this.#event = '';
            this.#events += 1;
          } else if (this.#open.pop() === undefined) throw malformed('it closes what is not open');
          break;
      }
    }
    if (this.#inside === 0) this.#keepFrame(chunk.slice(from));
    else if (this.#inside > 1) this.#keepEvent(chunk.slice(from));
  }

  #string(sign: number, chunk: string, at: number): void {
    if (this.#escaped) this.#escaped = false;
    else if (sign === BACKSLASH) this.#escaped = true;
    else if (sign === QUOTE) {
      this.#inString = false;
      this.#last = this.#text;
      return;
    }
    // Only names that lead to the events matter; an escaped spelling of one is none.
    if (this.#inside === 0 && this.#text.length < 32) this.#text += chunk.charAt(at);
  }

  /** Whether a list that opens here is the list of events. */
  #isList(): boolean {
    if (this.#open.some(({ list }) => list)) return false;
    return LISTS.has(this.#open.map(({ key }) => key).join('/'));
  }

  /** Between the events only spaces and single commas stand. @returns true: the sign is dealt with */
  #between(sign: number): true {
    if (isSpace(sign)) return true;
    const expected = this.#expects;
    if (sign === COMMA && expected === 'commaOrEnd') this.#expects = 'event';
    else if (sign === OPEN_BRACE && expected !== 'commaOrEnd') this.#expects = 'commaOrEnd';
    else if (sign !== CLOSE_BRACKET || expected === 'event') throw malformed('in its list of events');
    return true;
  }

  #keepFrame(text: string): void {
    this.#frame += text;
    if (this.#frame.length > MAX_FRAME_LENGTH)
      throw tooLarge('The document without its events', MAX_FRAME_LENGTH);
  }

  #keepEvent(text: string): void {
    this.#event += text;
    if (this.#event.length > MAX_EVENT_LENGTH) throw tooLarge(`Event ${this.#events + 1}`, MAX_EVENT_LENGTH);
  }
}

/** @throws `epcis.malformed` */
export function parseEventText(text: string, at: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new VinculumError('epcis.malformed', `${at} is not JSON.`, { cause, details: { path: at } });
  }
}

const malformed = (where: string, cause?: unknown): VinculumError =>
  new VinculumError(
    'epcis.malformed',
    `The document is not JSON: ${where}.`,
    cause === undefined ? {} : { cause },
  );
const encodingError = (cause?: unknown): VinculumError =>
  new VinculumError(
    'epcis.encoding',
    'The document is not UTF-8: save it so.',
    cause === undefined ? {} : { cause },
  );
const tooLarge = (what: string, most: number): VinculumError =>
  new VinculumError('epcis.tooLarge', `${what} is larger than ${most / 1024 / 1024} MiB.`);
