// Made by python -m pellucid.explanation.schema --write; do not edit.
export const ROLES = {
  "page": {
    "light": "#f6f7f9",
    "dark": "#11151a"
  },
  "surface": {
    "light": "#ffffff",
    "dark": "#1a2027"
  },
  "ink": {
    "light": "#1b2430",
    "dark": "#e8edf3"
  },
  "muted": {
    "light": "#55606e",
    "dark": "#a3afbd"
  },
  "line": {
    "light": "#d5dae1",
    "dark": "#36404c"
  },
  "accent": {
    "light": "#0b6e75",
    "dark": "#5cc8cf"
  },
  "positive": {
    "light": "#c8500a",
    "dark": "#f0894a"
  },
  "negative": {
    "light": "#2166ac",
    "dark": "#6aaeea"
  },
  "random": {
    "light": "#8d96a3",
    "dark": "#7d8894"
  },
  "series1": {
    "light": "#0b6e75",
    "dark": "#5cc8cf"
  },
  "series2": {
    "light": "#9a3b7d",
    "dark": "#e08cc6"
  },
  "series3": {
    "light": "#7a6a00",
    "dark": "#d9c24a"
  },
  "series4": {
    "light": "#5b4bb5",
    "dark": "#a99bf0"
  },
  "series5": {
    "light": "#3d7a1f",
    "dark": "#9acb6f"
  },
  "series6": {
    "light": "#8a4b2a",
    "dark": "#d9a27e"
  },
  "supported": {
    "light": "#1b6e3c",
    "dark": "#6fce93"
  },
  "weak": {
    "light": "#8a5a00",
    "dark": "#e5b454"
  },
  "refused": {
    "light": "#b3261e",
    "dark": "#f58a82"
  },
  "unchecked": {
    "light": "#55606e",
    "dark": "#a3afbd"
  }
} as const;

export const MAPS = {
  "diverging": {
    "light": [
      "#0b3c7d",
      "#2166ac",
      "#6aa6d8",
      "#bcd7ec",
      "#f7f7f5",
      "#fbd0ad",
      "#f0894a",
      "#c8500a",
      "#7f2704"
    ],
    "dark": [
      "#9fd0ff",
      "#6aaeea",
      "#3a7fc0",
      "#234e7c",
      "#20262d",
      "#7a3c17",
      "#c05f22",
      "#f0894a",
      "#ffc9a3"
    ]
  },
  "sequential": {
    "light": [
      "#f7f7f5",
      "#fde0c5",
      "#fbb983",
      "#f0894a",
      "#c8500a",
      "#7f2704"
    ],
    "dark": [
      "#20262d",
      "#54301c",
      "#8c471b",
      "#c05f22",
      "#f0894a",
      "#ffc9a3"
    ]
  }
} as const;
