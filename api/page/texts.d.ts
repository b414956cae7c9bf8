/** What the page says, by language. */
export declare const texts: Readonly<Record<'en' | 'zh', Readonly<Record<string, unknown>>>>;
