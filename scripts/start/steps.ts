/** Where the steps of a start are shown: a terminal is written over, anything else gets a line each. */
export type Screen = {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
};

const SPINNER = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏';
const BAR = 24;
const TITLE = 22;
/** Without a terminal, progress of a long step is told this often. */
const REMIND_MILLISECONDS = 10_000;

/** Shows one step after the other, each with its progress and how long it took. */
export class Steps {
  readonly #screen: Screen;
  readonly #now: () => number;
  #title = '';
  #detail = '';
  #begun = 0;
  #told = 0;
  #done = 0;
  #total = 0;
  #frame = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(screen: Screen, now: () => number = () => performance.now()) {
    this.#screen = screen;
    this.#now = now;
  }

  /** Begins a step, and so ends the one before it. */
  begin(title: string, detail = ''): void {
    this.end();
    this.#title = title;
    this.#detail = detail;
    this.#begun = this.#now();
    this.#told = this.#begun;
    this.#done = 0;
    this.#total = 0;
    if (this.#screen.isTTY !== true) return;
    this.#draw();
    this.#timer = setInterval(() => this.#draw(), 120);
    this.#timer.unref();
  }

  /** What is going on within the step. */
  detail(text: string): void {
    if (text !== '') this.#detail = text;
    this.#remind();
  }

  progress(done: number, total: number): void {
    this.#done = done;
    this.#total = total;
    this.#remind();
  }

  /** Ends the step that is open, with what came of it. */
  end(result?: string): void {
    if (this.#title === '') return;
    this.#settle('✔', result ?? this.#outcome());
  }

  fail(): void {
    if (this.#title !== '') this.#settle('✘', '');
  }

  #outcome(): string {
    if (this.#detail !== '') return this.#detail;
    return this.#total > 0 ? String(this.#total) : '';
  }

  #settle(mark: string, result: string): void {
    clearInterval(this.#timer);
    const clear = this.#screen.isTTY === true ? '\r\x1b[2K' : '';
    const line = `${clear}${mark} ${this.#title.padEnd(TITLE)} ${result.padEnd(30)} ${this.#seconds()}`;
    this.#screen.write(`${line.trimEnd()}\n`);
    this.#title = '';
    this.#detail = '';
  }

  #remind(): void {
    if (this.#screen.isTTY === true || this.#title === '') return;
    if (this.#now() - this.#told < REMIND_MILLISECONDS) return;
    this.#told = this.#now();
    const share = this.#total > 0 ? `${this.#done} of ${this.#total}` : this.#detail;
    this.#screen.write(`… ${this.#title}: ${share}\n`);
  }

  #draw(): void {
    this.#frame = (this.#frame + 1) % SPINNER.length;
    const filled = this.#total > 0 ? Math.round((this.#done / this.#total) * BAR) : 0;
    const bar =
      this.#total > 0
        ? `${'█'.repeat(filled)}${'░'.repeat(BAR - filled)} ${this.#done}/${this.#total}`
        : this.#detail;
    const line = `${SPINNER[this.#frame]} ${this.#title.padEnd(TITLE)} ${bar}  ${this.#seconds()}`;
    this.#screen.write(`\r\x1b[2K${line.slice(0, Math.max(20, (this.#screen.columns || 100) - 1))}`);
  }

  #seconds(): string {
    return `${((this.#now() - this.#begun) / 1000).toFixed(1)} s`;
  }
}
