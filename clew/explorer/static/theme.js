// Runs before the first paint: a chosen theme (or ?theme=dark, for pictures) beats the system's; what needs scripts shows.
(() => {
  document.documentElement.classList.add("scripted");
  let theme = new URLSearchParams(location.search).get("theme");
  try { theme ??= localStorage.getItem("clew-theme"); } catch { /* storage may be off */ }
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
})();
