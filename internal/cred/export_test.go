package cred

// MemoryLimitFrom is MemoryLimit over given files.
func MemoryLimitFrom(soft int64, readFile func(string) ([]byte, error)) int64 {
	return memoryLimit(soft, readFile)
}

// Bits is the guessing work that Check compares.
func (p *Policy) Bits(password string, context ...string) float64 {
	return p.bits(Normalize(password), words(context))
}
