/// Events in order of simulated time: a wheel of short time slots, each a heap only while it is
/// due.
///
/// Nearly all events are rounds about a millisecond ahead, tens of millions of them: a wheel costs
/// the same for 16 nodes and for 16 000.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace orbitmill::simulation {

using Nanoseconds = std::int64_t;

struct Event {
  Nanoseconds time = 0;
  std::uint32_t node = 0;
  bool is_arrival = false;  ///< a steal reaches `node`; otherwise the node's next round
  std::uint32_t thief = 0;  ///< of an arrival

  /// A total order, so that a run depends on its seed and on nothing else.
  friend bool operator>(const Event& a, const Event& b) {
    if (a.time != b.time) return a.time > b.time;
    if (a.node != b.node) return a.node > b.node;
    return a.thief > b.thief;
  }
};

class EventWheel {
 public:
  /// Precondition: not before the last event taken, and less than `horizon` after it.
  void push(const Event& event) {
    std::vector<Event>& slot = slots_[slot_of(event.time)];
    slot.push_back(event);
    if (slot_of(event.time) == current_) std::push_heap(slot.begin(), slot.end(), std::greater<>());
    ++size_;
  }

  /// Takes the earliest event. Precondition: there is one.
  Event pop() {
    while (slots_[current_].empty()) {
      current_ = (current_ + 1) % slot_count;
      std::make_heap(slots_[current_].begin(), slots_[current_].end(), std::greater<>());
    }
    std::vector<Event>& slot = slots_[current_];
    std::pop_heap(slot.begin(), slot.end(), std::greater<>());
    const Event event = slot.back();
    slot.pop_back();
    --size_;
    return event;
  }

  bool empty() const noexcept { return size_ == 0; }

  static constexpr Nanoseconds slot_ns = 8192;
  static constexpr std::size_t slot_count = 4096;
  static constexpr Nanoseconds horizon = slot_ns * (static_cast<Nanoseconds>(slot_count) - 1);

 private:
  static std::size_t slot_of(Nanoseconds time) {
    return static_cast<std::size_t>(time / slot_ns) % slot_count;
  }

  std::vector<std::vector<Event>> slots_{slot_count};
  std::size_t current_ = 0;
  std::size_t size_ = 0;
};

}  // namespace orbitmill::simulation
