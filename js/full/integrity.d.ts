// As the build writes it for either flavour.

export * from "../integrity.js";
