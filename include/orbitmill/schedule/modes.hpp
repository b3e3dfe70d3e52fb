/// The ways to share a phase among workers, by the names users know them by.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace orbitmill {

enum class ScheduleMode : std::uint8_t {
  automatic,      ///< the cost model chooses
  sequential,     ///< one thread of root does everything
  static_chunks,  ///< each rank its chunk, threads share it, nothing moves
  shared,         ///< one central counter, several batches a visit
  stealing,       ///< chunks; whoever runs low steals, inside the node and across nodes
  hybrid,         ///< chunks first; a node steals only when it has nothing left
};

enum class StealTransportKind : std::uint8_t { automatic, windows, messages };

struct ModeName {
  ScheduleMode mode;
  std::string_view name;
};
inline constexpr std::array<ModeName, 6> mode_names = {{{ScheduleMode::automatic, "auto"},
                                                        {ScheduleMode::sequential, "sequential"},
                                                        {ScheduleMode::static_chunks, "static"},
                                                        {ScheduleMode::shared, "shared"},
                                                        {ScheduleMode::stealing, "stealing"},
                                                        {ScheduleMode::hybrid, "hybrid"}}};

constexpr std::string_view name_of(ScheduleMode mode) {
  for (const ModeName& entry : mode_names) {
    if (entry.mode == mode) return entry.name;
  }
  return "?";
}

constexpr std::optional<ScheduleMode> mode_named(std::string_view name) {
  for (const ModeName& entry : mode_names) {
    if (entry.name == name) return entry.mode;
  }
  return std::nullopt;
}

constexpr std::optional<StealTransportKind> transport_named(std::string_view name) {
  if (name == "auto") return StealTransportKind::automatic;
  if (name == "windows") return StealTransportKind::windows;
  if (name == "messages") return StealTransportKind::messages;
  return std::nullopt;
}

}  // namespace orbitmill
