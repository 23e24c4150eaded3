/** What we know of Express's inside, the same in versions 4 and 5: core `http in` relies on it as well. */
export interface Layer {
  match(path: string): boolean;
  readonly handle: ((...args: never[]) => unknown) & { readonly stack?: Layer[] };
}

/** An Express app as Node-RED mounts it. */
export interface ExpressApp {
  readonly parent?: ExpressApp;
  path(): string;
  use(handler: (...args: never[]) => unknown): unknown;
  /** Express 4: absent until the first route. */
  readonly _router?: { readonly stack: Layer[] };
  /** Express 5; in Express 4 reading it throws. */
  readonly router?: { readonly stack: Layer[] };
}

/** Node-RED's app with the inside that Express's own types leave out. */
export function expressApp(app: object): ExpressApp {
  return app as ExpressApp;
}

/** The app that the HTTP server calls: everything else is mounted below it. */
export function rootApp(app: ExpressApp): ExpressApp {
  return app.parent ? rootApp(app.parent) : app;
}

/** The layers of an app, in the order in which a request meets them. */
export function layersOf(app: ExpressApp): Layer[] {
  return ("lazyrouter" in app ? app._router : app.router)?.stack ?? [];
}

/** Adds `handler` before everything else, body parsers and authentication included. */
export function useFirst(app: ExpressApp, handler: Parameters<ExpressApp["use"]>[0]): void {
  app.use(handler);
  const layers = layersOf(app);
  const [layer] = layers.splice(
    layers.findIndex(({ handle }) => handle === handler),
    1,
  );
  if (layer) layers.unshift(layer);
}
