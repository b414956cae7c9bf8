import { VinculumError } from '../../core/errors.ts';
import type { ListRead, SetNews, SetOrder } from '../worker/setMessages.ts';

export type Telling = Extract<SetNews, { type: 'reading' | 'hashing' | 'uploading' }>;

/** A list of serials or vehicles in a worker of its own, which ends with it. */
export class Members {
  /** Whether they are those of an entry that was sent: they then outlive the form that they were picked in. */
  handed = false;
  readonly #worker = new Worker(new URL('../worker/set.ts', import.meta.url), { type: 'module' });
  #tell: (news: Telling) => void = () => undefined;
  #settle: { resolve(news: SetNews): void; reject(error: unknown): void } | null = null;

  constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<SetNews>) => {
      switch (data.type) {
        case 'reading':
        case 'hashing':
        case 'uploading':
          this.#tell(data);
          return;
        case 'failed': {
          const { code, message = '', details } = data.failure;
          this.#settle?.reject(new VinculumError(code, message, { details }));
          return;
        }
        default:
          this.#settle?.resolve(data);
      }
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#settle?.reject(new VinculumError('page.noWorker', 'The worker does not run.'));
    };
  }

  /** Reads a file. @throws `list.empty` `list.tooLong` and what reading a file can bring */
  async read(
    order: Omit<Extract<SetOrder, { type: 'read' }>, 'type'>,
    tell: (news: Telling) => void,
  ): Promise<ListRead> {
    const news = await this.#ask({ type: 'read', ...order }, tell);
    return (news as Extract<SetNews, { type: 'read' }>).list;
  }

  /** Takes members as they are. */
  async take(members: readonly string[]): Promise<ListRead> {
    const news = await this.#ask({ type: 'take', members }, () => undefined);
    return (news as Extract<SetNews, { type: 'read' }>).list;
  }

  async members(): Promise<readonly string[]> {
    const news = await this.#ask({ type: 'members' }, () => undefined);
    return (news as Extract<SetNews, { type: 'members' }>).members;
  }

  /**
   * Hands the members to the service, then ends. After a failure it can be called again.
   * @param signal ends the worker, also after a failure
   * @throws the service's codes
   */
  async upload(
    order: Omit<Extract<SetOrder, { type: 'upload' }>, 'type'>,
    tell: (done: number, total: number) => void,
    signal: AbortSignal,
  ): Promise<void> {
    this.handed = true;
    signal.addEventListener('abort', () => this.end(), { once: true });
    await this.#ask({ type: 'upload', ...order }, (news) => {
      if (news.type === 'uploading') tell(news.done, news.total);
    });
    this.end();
  }

  end(): void {
    this.#worker.terminate();
    this.#settle?.reject(new VinculumError('page.left', 'It was left.'));
  }

  #ask(order: SetOrder, tell: (news: Telling) => void): Promise<SetNews> {
    this.#tell = tell;
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#worker.postMessage(order);
    });
  }
}
