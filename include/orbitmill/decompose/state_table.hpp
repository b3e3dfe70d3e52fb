/// All cycles of a small register, by a table of its steps.
///
/// next[s] for every state, filled without evaluating f state by state: over GF(2) the truth table
/// of f is made 64 values a word from the patterns of the stages; an affine f over GF(q) is built
/// up stage by stage, f(s + d q^i) = f(s) + c_i d. Then several walks run side by side, for one
/// alone would wait for the cache at every step (chain_book.hpp: every state is a place, its entry
/// the state that follows). Cost: 1.5 to 2.5 ns a state while the table fits the second-level
/// cache, 2 or 4 bytes a state.
#pragma once

#include <cstdint>
#include <vector>

#include "orbitmill/decompose/chain_book.hpp"
#include "orbitmill/decompose/length_counts.hpp"
#include "orbitmill/register/register.hpp"

namespace orbitmill {

class StateTable {
 public:
  /// A table of 16 MiB, and 8 MiB beside it while it is filled.
  static constexpr std::uint64_t max_states = std::uint64_t{1} << 22;

  /// Adds every cycle to `counts`. Precondition: reg.require_exhaustible() passes, q^n <=
  /// max_states. The memory is kept for the next register.
  void count_cycles(const Register& reg, LengthCounts& counts);

 private:
  /// Walks at a time: more than the steps that a core has in flight gain nothing.
  static constexpr unsigned lanes = 8;

  template <class Entry>
  using Book = ChainBook<Entry, lanes>;

  template <class Entry>
  void count_in(const Register& reg, Book<Entry>& book, LengthCounts& counts);
  void make_truth_table(const Register& reg);
  void make_symbols(const Register& reg);

  std::vector<std::uint64_t> truth_;    ///< f over GF(2), one bit a state
  std::vector<std::uint16_t> symbols_;  ///< f over GF(q)
  std::vector<std::uint16_t> row_;      ///< a + constant, for every a
  Book<std::uint16_t> book_;            ///< up to 2^15 states
  Book<std::uint32_t> wide_book_;
};

}  // namespace orbitmill
